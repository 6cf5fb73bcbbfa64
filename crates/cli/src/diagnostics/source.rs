use std::path::{Path, PathBuf};

/// Where a text came from, which decides how a place in it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A file of the configuration.
    File,
    /// A policy document, which is no part of the configuration.
    Policy,
    /// `LOGBOOM_*` variables, one a line.
    Environment,
    /// `--set` options, one a line.
    CommandLine,
}

/// A text that findings point into.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it is called in messages: the path as the user wrote it.
    pub name: String,
    /// What kind of text it is.
    pub kind: SourceKind,
    /// The text itself.
    pub text: String,
}

impl Source {
    /// The line and column of a byte offset. An offset past the end is the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let before = &self.text[..floor_char_boundary(&self.text, offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: 1 + before.bytes().filter(|&byte| byte == b'\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }

    /// The directory that relative paths in this text are relative to.
    fn directory(&self) -> &Path {
        match self.kind {
            SourceKind::File | SourceKind::Policy => {
                Path::new(&self.name).parent().unwrap_or(Path::new(""))
            }
            SourceKind::Environment | SourceKind::CommandLine => Path::new(""),
        }
    }
}

/// A place in a text as editors count: from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// The texts that the findings of one run point into.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a text. The number it gets orders findings: first the file that was named first.
    pub fn add(&mut self, name: impl Into<String>, kind: SourceKind, text: String) -> SourceId {
        self.list.push(Source { name: name.into(), kind, text });
        SourceId(self.list.len() - 1)
    }

    /// The number of the first text: the main file.
    #[must_use]
    pub fn first(&self) -> Option<SourceId> {
        (!self.list.is_empty()).then_some(SourceId(0))
    }

    /// The text with this number.
    ///
    /// # Panics
    ///
    /// If `id` comes from other sources: a bug of the caller.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.list[id.0]
    }

    /// A path as written in this source, made relative to where the source is.
    #[must_use]
    pub fn resolve(&self, id: SourceId, path: &str) -> PathBuf {
        self.get(id).directory().join(path)
    }

    /// Replaces a stretch by as many asterisks as it has bytes, so that places stay where they are.
    pub(super) fn redact(&mut self, span: Span) {
        let text = &mut self.list[span.source.0].text;
        if text.get(span.start..span.end).is_some() {
            text.replace_range(span.start..span.end, &"*".repeat(span.end - span.start));
        }
    }

    /// How many of the texts are files of the configuration.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.list.iter().filter(|source| source.kind == SourceKind::File).count()
    }
}

/// The number of a text in its [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceId(usize);

/// A stretch of a text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// The bytes `range` of a text.
    #[must_use]
    pub fn new(source: SourceId, range: std::ops::Range<usize>) -> Self {
        Self { source, start: range.start, end: range.end }
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "a/b.toml".into(), kind: SourceKind::File, text: text.into() }
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = source("one\nzwölf = 1\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(4), Position { line: 2, column: 1 });
        let after_umlaut = source.text.find("lf").unwrap();
        assert_eq!(source.position(after_umlaut), Position { line: 2, column: 4 });
        assert_eq!(source.position(1000), Position { line: 3, column: 1 });
    }

    #[test]
    fn relative_paths_start_at_the_file_that_names_them() {
        let mut sources = Sources::default();
        let file = sources.add("conf.d/acme.toml", SourceKind::File, String::new());
        let flags = sources.add("command line", SourceKind::CommandLine, String::new());
        assert_eq!(sources.resolve(file, "key.pem"), Path::new("conf.d/key.pem"));
        assert_eq!(sources.resolve(file, "/etc/key.pem"), Path::new("/etc/key.pem"));
        assert_eq!(sources.resolve(flags, "data"), Path::new("data"));
    }
}
