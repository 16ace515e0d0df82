//! A fuzz target: reads any file as an import does, and checks what the reader reports.

use super::{
    inputs::Input,
    reading::{News, read},
};
use crate::own_file::random_name;
use flate2::{Compression, write::GzEncoder};
use std::{
    fs,
    io::{Cursor, Write},
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// The most bytes of a document or a line; small, so that the fuzzer reaches the limit.
const LIMIT_BYTES: usize = 16 << 10;
/// The file name for the input, chosen by its first byte; for some names the input is packed first.
const NAMES: [&str; 5] = ["a.json", "a.ndjson", "a.json.gz", "a.zip", "patient.zip"];

/// Checks that a file begins and ends once, with its parts in between and each resource in order.
///
/// # Panics
/// If one of these checks fails.
pub(crate) fn any_import(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let bytes = match name {
        "a.json.gz" => gzipped(rest),
        "a.zip" => zipped(rest),
        // Any other file gets the input as it is; for `patient.zip` it is taken for a whole archive.
        _ => rest.to_vec(),
    };
    let random = random_name().unwrap_or_else(|error| panic!("{error}"));
    let path = std::env::temp_dir().join(format!("payersync-fuzz-{random}-{name}"));
    fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
    let (mut is_open, mut files, mut received) = (false, 0, 0);
    let file = Input::File { path: path.clone(), name: name.to_owned() };
    read(vec![file], LIMIT_BYTES, |news| {
        match news {
            News::Begin(_) => {
                assert!(!is_open);
                is_open = true;
                files += 1;
            }
            News::Part(body, entries) => {
                assert!(is_open);
                received += body.len();
                let mut end = 0;
                for entry in &entries {
                    let resource = entry.resource.clone().unwrap_or(entry.range.clone());
                    assert!(end <= entry.range.start && entry.range.end <= body.len());
                    assert!(entry.range.start <= resource.start && resource.end <= entry.range.end);
                    end = entry.range.end;
                }
            }
            News::End(trouble) => {
                assert!(is_open);
                is_open = false;
                let said = trouble.map(|trouble| trouble.to_string()).unwrap_or_default();
                assert!(!said.contains(char::is_control), "{said:?}");
            }
        }
        true
    });
    let _ = fs::remove_file(&path);
    assert!(!is_open && files > 0);
    if !name.ends_with("zip") && !name.ends_with("gz") && !rest.starts_with(b"\x1f\x8b") {
        // At most one line end is added, and nothing else.
        assert!(received <= rest.len() + 1, "{received} of {} bytes", rest.len());
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes);
    written.and_then(|()| encoder.finish()).unwrap_or_else(|error| panic!("{error}"))
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for name in ["b.ndjson", "patients.json"] {
        archive.start_file(name, options).unwrap_or_else(|error| panic!("{error}"));
        archive.write_all(bytes).unwrap_or_else(|error| panic!("{error}"));
    }
    archive.finish().unwrap_or_else(|error| panic!("{error}")).into_inner()
}
