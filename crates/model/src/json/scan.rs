use std::ops::Range;

use super::{Member, Text, Value};
use crate::ascii::string_bytes;

/// Walks over JSON text. `None` means that the text is not JSON (or not what was asked for); where
/// the scanner stands is then of no use.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// How many bytes of space between tokens it has seen.
    space_bytes: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, space_bytes: 0 }
    }

    /// The whole text as one object.
    pub(super) fn object(&mut self, mut member: impl FnMut(Member)) -> Option<()> {
        self.skip_space();
        self.expect(b'{')?;
        self.skip_space();
        if !self.take(b'}') {
            loop {
                let name = self.name()?;
                let value = self.value()?;
                member(Member { name, value });
                self.skip_space();
                if self.take(b'}') {
                    break;
                }
                self.expect(b',')?;
                self.skip_space();
            }
        }
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    /// A name with its colon and the space around that.
    fn name(&mut self) -> Option<Text> {
        let name = self.string()?;
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Some(name)
    }

    fn value(&mut self) -> Option<Value> {
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'{' | b'[' => self.nested(),
            _ => self.scalar().map(Value::Scalar),
        }
    }

    /// An object or an array.
    fn nested(&mut self) -> Option<Value> {
        let (start, space_bytes) = (self.at, self.space_bytes);
        // The closing brackets that are due. A list and not the stack, because the depth is chosen
        // by a stranger.
        let mut due = Vec::new();
        while self.begin(&mut due)? || self.go_on(&mut due)? {}
        let spaced = self.space_bytes > space_bytes;
        Some(Value::Nested { range: start..self.at, spaced })
    }

    /// Takes a value, or the beginning of one up to its first element: then that is due, and the
    /// answer is true.
    fn begin(&mut self, due: &mut Vec<u8>) -> Option<bool> {
        let closing = match self.peek()? {
            b'{' => b'}',
            b'[' => b']',
            b'"' => return self.string().map(|_| false),
            _ => return self.scalar().map(|_| false),
        };
        self.at += 1;
        self.skip_space();
        if self.take(closing) {
            return Some(false);
        }
        if closing == b'}' {
            self.name()?;
        }
        due.push(closing);
        Some(true)
    }

    /// Takes what may follow a value: closing brackets, and a comma. Says whether another value is
    /// due.
    fn go_on(&mut self, due: &mut Vec<u8>) -> Option<bool> {
        while let Some(closing) = due.last().copied() {
            self.skip_space();
            if self.take(b',') {
                self.skip_space();
                if closing == b'}' {
                    self.name()?;
                }
                return Some(true);
            }
            self.expect(closing)?;
            due.pop();
        }
        Some(false)
    }

    fn string(&mut self) -> Option<Text> {
        self.expect(b'"')?;
        let start = self.at;
        self.at += string_bytes(self.text.get(start..)?);
        if self.next()? == b'"' {
            return Some(Text { range: start..self.at - 1, escaped: false });
        }
        self.at -= 1;
        self.escaped_string(start)
    }

    /// The rest of a string that began at `start`, from the first byte that needs a look.
    #[cold]
    fn escaped_string(&mut self, start: usize) -> Option<Text> {
        loop {
            match self.next()? {
                b'"' => return Some(Text { range: start..self.at - 1, escaped: true }),
                b'\\' => self.escape()?,
                _ => return None,
            }
            self.at += string_bytes(self.text.get(self.at..)?);
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at.checked_add(4)?)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn scalar(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        match self.peek()? {
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        Some(start..self.at)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        // A zero stands alone: `01` is no number.
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'-') {
                self.take(b'+');
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn skip_space(&mut self) {
        // Mostly there is none.
        if self.peek().is_some_and(|byte| byte > b' ') {
            return;
        }
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.space_bytes += self.at - start;
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Takes the next byte if it is this one.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }
}
