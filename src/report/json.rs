//! JSON that may be looked at: what cannot be seen is escaped, which changes no value.

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::model::is_hidden;

/// A value over several lines, ended by a line break.
///
/// # Errors
/// Where the value cannot be JSON.
pub fn to_pretty<T: Serialize + ?Sized>(value: &T) -> io::Result<String> {
    text(value, Escaping(PrettyFormatter::new()))
}

/// A value on one line, ended by a line break.
///
/// # Errors
/// Where the value cannot be JSON.
pub fn to_line<T: Serialize + ?Sized>(value: &T) -> io::Result<String> {
    text(value, Escaping(serde_json::ser::CompactFormatter))
}

/// A JSON text, what cannot be seen in its strings escaped. Its layout is left alone.
pub fn escape(text: &[u8]) -> Cow<'_, [u8]> {
    let has = |text: &str| text.chars().any(|c| !c.is_ascii() && is_hidden(c) || c == '\u{7f}');
    if text.is_ascii() && memchr::memchr(0x7f, text).is_none() {
        return text.into();
    }
    match std::str::from_utf8(text) {
        Ok(text) if has(text) => {
            let mut shown = Vec::with_capacity(text.len() + 16);
            let mut units = [0; 2];
            for c in text.chars() {
                if !c.is_ascii() && is_hidden(c) || c == '\u{7f}' {
                    for unit in c.encode_utf16(&mut units) {
                        shown.extend(format!("\\u{unit:04x}").bytes());
                    }
                } else {
                    shown.extend(c.encode_utf8(&mut [0; 4]).bytes());
                }
            }
            shown.into()
        }
        _ => text.into(),
    }
}

fn text<T: Serialize + ?Sized, F: Formatter>(value: &T, formatter: F) -> io::Result<String> {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(io::Error::other)?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Another formatter with more escapes.
struct Escaping<F>(F);

macro_rules! as_it_does {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, out: &mut W $(, $arg: $type)*) -> io::Result<()> {
            self.0.$name(out $(, $arg)*)
        })*
    };
}

impl<F: Formatter> Formatter for Escaping<F> {
    as_it_does! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\u{7f}') {
            return out.write_all(fragment.as_bytes());
        }
        let mut units = [0; 2];
        for c in fragment.chars() {
            if is_hidden(c) {
                for unit in c.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                write!(out, "{c}")?;
            }
        }
        Ok(())
    }
}
