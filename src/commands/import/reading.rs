//! Reads files part by part and splits them into resources.
//!
//! NDJSON is read line by line, and a part of it is a few mebibytes. A JSON document is held as a whole,
//! within the size limit that also applies to the pages of plans.

pub(super) use super::opened::Trouble;
use super::{
    inputs::{Input, is_of_patients, may_hold_resources},
    opened::{Budget, HEAD_BYTES, Kind, gunzipped, kind_of},
};
use crate::fhir::{Document, DocumentError, Entry, is_whole_object};
use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek},
    path::Path,
};
use zip::ZipArchive;

/// The size of a part of an NDJSON file in bytes; a part with one longer line is larger.
const PART_BYTES: usize = 4 << 20;
/// The most resources in a part of an NDJSON file.
const PART_ENTRIES: usize = 1000;

/// A message from the reader.
#[derive(Debug)]
pub(super) enum News {
    /// A file begins.
    Begin(String),
    /// Bytes of the file, and the resources in them.
    Part(Bytes, Vec<Entry>),
    /// The end of a file, with the reason if the rest of it is missing.
    End(Option<Trouble>),
}

/// Reads all inputs in order, until `send` returns false because nobody listens.
pub(super) fn read(inputs: Vec<Input>, limit_bytes: usize, send: impl FnMut(News) -> bool) {
    let mut reader = Reader { limit_bytes, send, is_deaf: false };
    for input in inputs {
        match input {
            Input::Standard => reader.stream(&mut io::stdin(), "standard input", false),
            Input::File { path, name } => reader.file(&path, &name),
        }
        if reader.is_deaf {
            return;
        }
    }
}

struct Reader<S> {
    limit_bytes: usize,
    send: S,
    /// Whether nobody listens any more.
    is_deaf: bool,
}

impl<S: FnMut(News) -> bool> Reader<S> {
    fn send(&mut self, news: News) {
        self.is_deaf |= !(self.send)(news);
    }

    fn file(&mut self, path: &Path, name: &str) {
        let mut head = Vec::new();
        let opened = File::open(path).and_then(|mut file| {
            file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
            Ok((file.rewind(), file))
        });
        match opened {
            Err(error) => self.begin_and(name, |_| Err(error.into())),
            // An input that cannot be rewound, such as a pipe, is read as a stream. Opening it again would
            // lose what was read, or wait for a writer that has gone.
            Ok((Err(error), mut file)) if error.kind() == io::ErrorKind::NotSeekable => {
                self.stream(&mut Cursor::new(head).chain(&mut file), name, is_ndjson(path));
            }
            Ok((Err(error), _)) => self.begin_and(name, |_| Err(error.into())),
            Ok((Ok(()), file)) if matches!(kind_of(&head), Ok(Kind::Zip)) => {
                let size = file.metadata().map_or(0, |file| file.len());
                self.archive(BufReader::new(file), size, name);
            }
            Ok((Ok(()), mut file)) => self.whole(name, is_ndjson(path), &mut file),
        }
    }

    /// Reads an input that can be read only once, such as standard input. A zip archive is held in memory as
    /// a whole, since its table of contents is at its end.
    fn stream(&mut self, source: &mut dyn Read, name: &str, is_ndjson: bool) {
        let mut head = Vec::new();
        let failed = source.take(HEAD_BYTES as u64).read_to_end(&mut head).err();
        let is_archive = matches!(kind_of(&head), Ok(Kind::Zip));
        let mut whole = Cursor::new(head).chain(Failing(failed)).chain(source);
        if !is_archive {
            return self.whole(name, is_ndjson, &mut whole);
        }
        let (mut packed, most) = (Vec::new(), self.limit_bytes);
        match whole.take(most as u64 + 1).read_to_end(&mut packed) {
            Err(error) => self.begin_and(name, |_| Err(error.into())),
            Ok(size) if size > most => self.begin_and(name, |_| Err(Trouble::LargeArchive(most))),
            Ok(size) => self.archive(Cursor::new(packed), size as u64, name),
        }
    }

    fn whole(&mut self, name: &str, is_ndjson: bool, source: &mut dyn Read) {
        self.begin_and(name, |reader| reader.contents(source, is_ndjson, 0));
    }

    fn begin_and(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Result<(), Trouble>) {
        self.send(News::Begin(name.to_owned()));
        let trouble = read(self).err();
        self.send(News::End(trouble));
    }

    /// Reads every member of a zip archive that may hold resources, Patients first.
    fn archive(&mut self, packed: impl Read + Seek, size: u64, name: &str) {
        let mut archive = match ZipArchive::new(packed) {
            Ok(archive) => archive,
            Err(error) => return self.begin_and(name, |_| Err(Trouble::Zip(error))),
        };
        let (named, odd): (Vec<_>, Vec<_>) = archive.file_names().partition(Result::is_ok);
        let mut members: Vec<String> = named
            .into_iter()
            .flatten()
            .map(Cow::into_owned)
            .filter(|member| may_hold_resources(Path::new(member)) && !is_hidden(member))
            .collect();
        if !odd.is_empty() {
            self.begin_and(name, |_| Err(Trouble::OddName));
        } else if members.is_empty() {
            self.begin_and(name, |_| Err(Trouble::NoResource));
        }
        members.sort_by_cached_key(|member| (!is_of_patients(Path::new(member)), member.clone()));
        let budget = Budget::of(size);
        for member in members {
            self.begin_and(&format!("{name}/{member}"), |reader| {
                let packed = archive.by_name(&member).map_err(Trouble::Zip)?;
                let mut unpacked = budget.spend_by(packed);
                match reader.contents(&mut unpacked, is_ndjson(Path::new(&member)), 0) {
                    // The files that the manifest names are in the same archive.
                    Err(Trouble::Manifest) => Ok(()),
                    read => read,
                }
            });
            if self.is_deaf {
                return;
            }
        }
    }

    fn contents(
        &mut self,
        source: &mut dyn Read,
        is_ndjson: bool,
        depth: usize,
    ) -> Result<(), Trouble> {
        let mut head = Vec::new();
        let failed = source.take(HEAD_BYTES as u64).read_to_end(&mut head).err();
        if head.is_empty()
            && let Some(error) = failed
        {
            return Err(error.into());
        }
        let kind = kind_of(&head)?;
        // The bytes read before an error are used.
        let mut whole = Cursor::new(head).chain(Failing(failed)).chain(source);
        match kind {
            Kind::Gzip if depth == 0 => {
                let mut unpacked = gunzipped(&mut whole as &mut dyn Read);
                self.contents(&mut unpacked, is_ndjson, depth + 1)
            }
            Kind::Gzip => Err(Trouble::NotJson),
            Kind::Zip => Err(Trouble::ZipWithin),
            Kind::Text => self.text(BufReader::with_capacity(1 << 16, whole), is_ndjson),
        }
    }

    fn text(&mut self, mut source: impl BufRead, is_ndjson: bool) -> Result<(), Trouble> {
        let mut begin = Vec::new();
        let mut read = Ok(true);
        while is_blank(&begin) && matches!(read, Ok(true)) {
            read = self.line(&mut source, &mut begin);
        }
        if is_blank(&begin) {
            return read.and(Err(Trouble::Empty));
        }
        // If the first line is a whole object and another line follows, each line is a resource.
        let first = begin.len();
        while is_blank(&begin[first..]) && matches!(read, Ok(true)) {
            read = self.line(&mut source, &mut begin);
        }
        let has_more = !is_blank(&begin[first..]);
        let is_pretty = begin.trim_ascii().len() <= 1;
        if has_more && is_whole_object(&begin[..first]) || is_ndjson && !is_pretty {
            // The limit is for each line, and `begin` may hold two.
            let rest = match read {
                Err(trouble) if !matches!(trouble, Trouble::TooLarge(_)) => Err(trouble),
                _ => Ok(()),
            };
            return self.lines(Cursor::new(begin).chain(source)).and(rest);
        }
        while matches!(read, Ok(true)) {
            read = self.line(&mut source, &mut begin);
        }
        self.document(begin, read.err())
    }

    /// Adds the next line to a text; false at the end.
    fn line(&self, source: &mut impl BufRead, text: &mut Vec<u8>) -> Result<bool, Trouble> {
        let most = (self.limit_bytes + 1).saturating_sub(text.len());
        let count = source.take(most as u64).read_until(b'\n', text)?;
        match text.len() > self.limit_bytes {
            true => Err(Trouble::TooLarge(self.limit_bytes)),
            false => Ok(count > 0),
        }
    }

    /// Sends a text as one document, as far as it could be read.
    fn document(&mut self, text: Vec<u8>, trouble: Option<Trouble>) -> Result<(), Trouble> {
        if let Some(Trouble::TooLarge(_)) = trouble {
            // Nothing of a document that is too large is imported.
            return trouble.map_or(Ok(()), Err);
        }
        let document = match (Document::index(&text), trouble) {
            (Ok(document), None) => document,
            (Err(error), trouble) => return Err(trouble.unwrap_or(error.into())),
            (Ok(document), Some(trouble)) => {
                self.send(News::Part(text.into(), document.entries));
                return Err(trouble);
            }
        };
        if is_manifest(&text) {
            return Err(Trouble::Manifest);
        }
        self.send(News::Part(text.into(), document.entries));
        if document.is_cut { Err(Trouble::CutShort) } else { Ok(()) }
    }

    /// Reads NDJSON: each line is a resource or a Bundle.
    fn lines(&mut self, source: impl Read) -> Result<(), Trouble> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let (mut body, mut entries) = (Vec::new(), Vec::new());
        let mut line = Vec::new();
        let end = loop {
            line.clear();
            match self.line(&mut source, &mut line) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(trouble) => break Err(trouble),
            }
            if is_blank(&line) {
                continue;
            }
            let start = body.len();
            body.extend_from_slice(&line);
            let whole = Entry::of_resource(0..line.trim_ascii_end().len()).moved(start);
            let is_last = !line.ends_with(b"\n");
            match Document::index(&line) {
                Ok(document) if !document.is_cut => {
                    entries.extend(document.entries.into_iter().map(|entry| entry.moved(start)));
                }
                Ok(document) if is_last => {
                    entries.extend(document.entries.into_iter().map(|entry| entry.moved(start)));
                    break Err(Trouble::CutShort);
                }
                Err(DocumentError::NotJson) if is_last => break Err(Trouble::CutShort),
                Err(error @ DocumentError::TooManyEntries) => break Err(error.into()),
                // A line that is not JSON is kept as it is, and becomes a reject with the reason.
                Ok(_) | Err(DocumentError::NotJson) => entries.push(whole),
            }
            if body.len() >= PART_BYTES || entries.len() >= PART_ENTRIES {
                let part = (std::mem::take(&mut body), std::mem::take(&mut entries));
                self.send(News::Part(part.0.into(), part.1));
                if self.is_deaf {
                    return Ok(());
                }
            }
        };
        self.send(News::Part(body.into(), entries));
        end
    }
}

/// A reader that gives an error once, or nothing.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii().is_empty()
}

/// Whether a member of an archive is a hidden file, or a file that macOS adds to archives.
fn is_hidden(member: &str) -> bool {
    member
        .split(['/', '\\'])
        .any(|part| part.starts_with('.') && part != ".." || part == "__MACOSX")
}

/// Whether a text is the manifest of a bulk export, which lists its files and is not a resource.
///
/// Source: Bulk Data Access IG, "Response - Complete Status".
fn is_manifest(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Manifest {
        resource_type: Option<IgnoredAny>,
        #[serde(rename = "transactionTime")]
        _transaction_time: IgnoredAny,
        #[serde(rename = "output")]
        _output: Vec<IgnoredAny>,
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice::<Manifest>(text).is_ok_and(|it| it.resource_type.is_none())
}

/// Whether a file's name says that each of its lines is a resource.
fn is_ndjson(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".ndjson", ".jsonl"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_size_is_for_each_line() {
        let line = |id: &str, bytes: usize| {
            let text = "x".repeat(bytes);
            format!("{{\"resourceType\":\"Goal\",\"id\":\"{id}\",\"x\":\"{text}\"}}\n")
        };
        let folder = tempfile::tempdir().unwrap();
        for (name, second, resources, is_whole) in
            [("a.ndjson", 500, 3, true), ("a.json", 500, 3, true), ("b.ndjson", 1100, 1, false)]
        {
            let path = folder.path().join(name);
            let text = [line("1", 600), line("2", second), line("3", 1)].concat();
            std::fs::write(&path, text).unwrap();
            let (mut found, mut ends) = (0, Vec::new());
            let file = Input::File { path, name: name.to_owned() };
            read(vec![file], 1000, |news| {
                match news {
                    News::Begin(_) => {}
                    News::Part(_, entries) => found += entries.len(),
                    News::End(trouble) => ends.push(trouble.is_none()),
                }
                true
            });
            assert_eq!((found, ends), (resources, vec![is_whole]), "{name}");
        }
    }
}
