//! Everything a test logs, down to TRACE.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use super::setup::SECRETS;

/// What was logged on this thread since the capture began. When it is dropped, it must not contain
/// a secret.
pub(crate) struct Logs {
    text: Text,
    _guard: DefaultGuard,
}

impl Logs {
    pub(crate) fn capture() -> Self {
        let text = Text::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(text.clone())
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines that contain all of these words.
    pub(crate) fn lines(&self, words: &[&str]) -> Vec<String> {
        let text = self.text.get();
        let matching = text.lines().filter(|line| words.iter().all(|word| line.contains(word)));
        matching.map(str::to_owned).collect()
    }

    /// The one line that contains all of these words.
    #[track_caller]
    pub(crate) fn line(&self, words: &[&str]) -> String {
        let mut lines = self.lines(words);
        assert_eq!(lines.len(), 1, "{words:?}: {}", self.text.get());
        lines.remove(0)
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let text = self.text.get();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} was logged");
        }
    }
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Text {
    fn get(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("logs are text")
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Text {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
