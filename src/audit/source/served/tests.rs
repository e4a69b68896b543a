use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;

/// A server with files, and what it was asked for.
#[derive(Debug, Default)]
struct Files {
    all: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<(String, u64, u64)>>,
    /// Whether it knows no parts.
    whole: bool,
}

impl Files {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()));
        Self { all: Mutex::new(files.collect()), ..Self::default() }
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let files = self.all.lock().unwrap();
        let below = files.keys().filter_map(|path| path.strip_prefix(folder));
        let mut names: Vec<String> = below
            .map(|rest| match rest.split_once('/') {
                Some((name, _)) => format!("{name}/"),
                None => rest.to_owned(),
            })
            .collect();
        names.dedup();
        names
    }
}

impl Served for Files {
    fn get(&self, path: &str, from: u64, most: u64) -> Result<Part, String> {
        self.asked.lock().unwrap().push((path.to_owned(), from, most));
        let names = self.names(path);
        if (path.is_empty() || path.ends_with('/')) && !names.is_empty() {
            let link = |name: &String| {
                let href = name.replace('%', "%25").replace(' ', "%20").replace('&', "&amp;");
                format!("<a href=\"{href}\">{name}</a>\n")
            };
            let page = names.iter().map(link).collect::<String>();
            let bytes = format!("<pre>\n{page}</pre>\n").into_bytes();
            return Ok(Part { bytes, is_page: true, ..Part::default() });
        }
        let files = self.all.lock().unwrap();
        let bytes = files.get(path).ok_or_else(|| format!("{path}: not found"))?;
        let total = bytes.len() as u64;
        let (from, most) = if self.whole { (0, total) } else { (from.min(total), most) };
        let range =
            usize::try_from(from).unwrap()..usize::try_from((from + most).min(total)).unwrap();
        Ok(Part { bytes: bytes[range].to_vec(), from, total, ..Part::default() })
    }
}

fn served(files: Files) -> (Arc<Files>, Arc<dyn Served>) {
    let files = Arc::new(files);
    (files.clone(), files)
}

fn names(server: &Arc<dyn Served>, path: &str) -> Result<Vec<String>, String> {
    Ok(find(server, path)?.iter().map(ServedFile::name).collect())
}

#[test]
fn addresses_name_paths_below_logs() {
    for (text, path) in [
        ("apiserver:", Some("")),
        ("apiserver:/", Some("")),
        ("apiserver:///logs/", Some("")),
        ("apiserver:kubernetes/audit/", Some("kubernetes/audit")),
        ("apiserver:/logs/kubernetes/audit/audit.log", Some("kubernetes/audit/audit.log")),
        ("apiserver", None),
        ("./apiserver:", None),
        ("vlogs://host", None),
    ] {
        assert_eq!(path_of(text).as_deref(), path, "{text}");
    }
}

#[test]
fn without_a_path_what_is_called_audit_is_found() {
    let (_, server) = served(Files::with(&[
        ("audit/audit.log", b"type=SYSCALL"),
        ("containers/audit.log", b"x"),
        ("kube-apiserver/.audit.lock", b"x"),
        ("kube-apiserver/audit-2026-05-04T09-10-11.123.log.gz", b"x"),
        ("kube-apiserver/audit.log", b"{}"),
        ("kube-apiserver/empty-audit.log", b""),
        ("kube-apiserver/termination.log", b"x"),
        ("syslog", b"x"),
    ]));
    assert_eq!(
        names(&server, "").unwrap(),
        [
            "apiserver:kube-apiserver/audit-2026-05-04T09-10-11.123.log.gz",
            "apiserver:kube-apiserver/audit.log"
        ]
    );
    assert_eq!(names(&server, "audit").unwrap(), ["apiserver:audit/audit.log"]);
    assert_eq!(names(&server, "syslog").unwrap(), ["apiserver:syslog"]);
    assert_eq!(names(&server, "gone").unwrap_err(), "gone: not found");
    let (_, server) = served(Files::with(&[("syslog", b"x")]));
    assert!(names(&server, "").unwrap_err().contains("no audit log at apiserver:"));
}

#[test]
fn names_are_decoded_and_none_leads_elsewhere() {
    let page = "<pre>\n<a href=\"a%20b&amp;c%25.log\">x</a>\n<a href=\"../etc/\">x</a>\n\
                <a href=\"https://example.org/x\">x</a>\n<a href=\"./d.log\">x</a>\n\
                <a href=\"%2e%2e/\">x</a>\n<a href=\"e%2Ff\">x</a>\n</pre>";
    assert_eq!(links(page), ["a b&c%.log", "d.log"]);
}

#[test]
fn a_file_is_read_in_parts_from_any_place_on() {
    let bytes: Vec<u8> = (0..3 * PART + 17).map(|at| u8::try_from(at % 251).unwrap()).collect();
    for whole in [false, true] {
        let (files, server) = served(Files { whole, ..Files::with(&[("a/audit.log", &bytes)]) });
        let file = find(&server, "a").unwrap().remove(0);
        assert_eq!(file.size(), bytes.len() as u64);
        let mut read = Vec::new();
        file.open().read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        files.asked.lock().unwrap().clear();
        let (mut reading, from) = (file.open(), 2 * PART + 5);
        reading.seek(SeekFrom::Start(from)).unwrap();
        let mut read = Vec::new();
        reading.read_to_end(&mut read).unwrap();
        assert!(read == bytes[usize::try_from(from).unwrap()..]);
        let asked = files.asked.lock().unwrap().clone();
        assert_eq!(asked[0], ("a/audit.log".to_owned(), from, FIRST));
        assert!(whole || asked.len() < 8, "{asked:?}");
        assert_eq!(reading.seek(SeekFrom::End(0)).unwrap(), bytes.len() as u64);
    }
}

#[test]
fn a_file_that_is_another_one_now_is_told() {
    let old: Vec<u8> = vec![b'a'; usize::try_from(PART).unwrap() * 2];
    for new in [vec![b'b'; old.len()], vec![b'a'; 10]] {
        let (files, server) = served(Files::with(&[("a/audit.log", &old)]));
        let file = find(&server, "a").unwrap().remove(0);
        let mut reading = file.open();
        reading.read_exact(&mut vec![0; usize::try_from(FIRST).unwrap()]).unwrap();
        files.all.lock().unwrap().insert("a/audit.log".to_owned(), new);
        let error = reading.read(&mut [0; 8]).unwrap_err().to_string();
        assert!(error.contains("was rotated while it was read"), "{error}");
    }
    // What grew is read as far as it was when it was found.
    let (files, server) = served(Files::with(&[("a/audit.log", b"one\n")]));
    let file = find(&server, "a").unwrap().remove(0);
    files.all.lock().unwrap().insert("a/audit.log".to_owned(), b"one\ntwo\n".to_vec());
    let mut read = String::new();
    file.open().read_to_string(&mut read).unwrap();
    assert_eq!(read, "one\n");
}
