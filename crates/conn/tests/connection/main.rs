//! The connection as its host sees it: bytes, time and commands in, bytes and events out.

mod client;
mod closing;
mod host;
mod hostile;
mod login;
mod order;
mod rechunking;
mod timers;
mod window;
