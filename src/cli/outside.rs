//! Files that tell what no list of a cluster shows: `--iam` and `--inspect`.

use std::path::Path;

use super::args::Global;
use super::exit::Failure;
use crate::credentials::{read_iam, read_kubeconfig};
use crate::model::Outside;

/// No such file is larger: IAM policies are limited to 1,500 members, kubeconfigs to what a person
/// can bear.
const MOST: u64 = 32 << 20;

/// Reads them all. One that is not there is an error; what is broken in one is named in the result.
pub(super) fn read(global: &Global) -> Result<Outside, Failure> {
    let mut outside = Outside::default();
    for path in &global.credentials.iam {
        read_iam(&path.display().to_string(), &bytes("--iam", path)?, &mut outside);
    }
    for path in &global.credentials.inspect {
        let from = path.parent().unwrap_or(Path::new(""));
        // A path in a kubeconfig is meant from where the file is.
        let load = |named: &str| {
            let path = from.join(named);
            contents(&path).map_err(|why| format!("reading {}: {why}", path.display()))
        };
        let text = bytes("--inspect", path)?;
        read_kubeconfig(&path.display().to_string(), &text, &load, &mut outside);
    }
    Ok(outside)
}

fn bytes(flag: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    contents(path)
        .map_err(|why| Failure::usage(format!("{flag}: reading {}: {why}", path.display())))
}

fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let about = std::fs::metadata(path).map_err(|cause| cause.to_string())?;
    if !about.is_file() {
        return Err("it is no file".to_owned());
    }
    if about.len() > MOST {
        return Err(format!("it is larger than {} MB", MOST >> 20));
    }
    std::fs::read(path).map_err(|cause| cause.to_string())
}
