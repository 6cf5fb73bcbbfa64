//! Many producers in one thread, as frugal as they can be: the machine is there for the server.

mod connection;
mod dial;
mod pool;
mod script;

pub use pool::{Ends, Load, Pool};
pub use script::Script;
