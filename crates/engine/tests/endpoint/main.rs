//! What a client sees of a whole endpoint, and what the server knows about it.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod budget;
mod disk;
mod errors;
mod limits;
mod login;
mod logs;
mod metadata;
mod notices;
mod producers;
mod reload;
mod visibility;
