//! Reading a Logstore from the files of the store, whether or not a server has it open.

mod news;
mod output;
mod stream;

pub(crate) use news::News;
pub(crate) use output::{Format, Output};
pub(crate) use stream::{BatchStream, From, Item};
