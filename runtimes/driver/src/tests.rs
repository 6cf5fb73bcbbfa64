//! The driver against a transport and a clock that do what a script says.

mod behaviour;
mod script;
