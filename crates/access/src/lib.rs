//! Projects, Logstores, access keys and policies: who may do what.
//!
//! A [`Directory`] is an immutable snapshot of all of them. It is built once from plain data (a
//! configuration file, say) and replaced as a whole when that changes, so that no request ever
//! sees half of a change. The crate is pure: it reads no file, asks no clock, and takes entropy as
//! an argument.
//!
//! ```text
//!   Project, Logstore, AccessKey, Policy ──▶ DirectoryBuilder ──▶ Directory
//!                                             all mistakes         │ authenticate  ──▶ Principal
//!                                             at once              │ may           ──▶ bool
//!                                                                  └ still_valid, after a reload
//! ```
//!
//! # Names
//!
//! A [`Project`] is what a client sends as its SASL user name. It owns [`Logstore`]s, and a
//! Logstore owns shards: what Kafka calls topic and partition. `X` and `X.json` are two topics of
//! one Logstore ([`Topic`]), so the two are told apart in one place only.
//!
//! # Secrets
//!
//! The SASL password is `AccessKeyID#AccessKeySecret`. Only salted hashes of secrets are kept
//! ([`SecretHash`]), and they are compared in constant time. No `Debug` or `Display` of this crate
//! prints a secret, a hash, or anything a client sent as a password; a test holds that.
//!
//! # Example
//!
//! ```
//! use logboom_access::{AccessKey, Action, Directory, Logstore, Policy, Project, SecretHash};
//!
//! let (id, secret) = AccessKey::generate([7; AccessKey::ENTROPY_BYTES]);
//! let mut builder = Directory::builder();
//! builder.project(Project {
//!     name: "demo".parse()?,
//!     logstores: vec![Logstore::new("nginx".parse()?)],
//! });
//! builder.access_key(AccessKey {
//!     id: id.clone(),
//!     project: "demo".parse()?,
//!     secrets: vec![SecretHash::new(&secret, [0; SecretHash::SALT_BYTES])],
//!     policies: vec![Policy::full_access()],
//! });
//! let directory = builder.build().map_err(|mistakes| mistakes[0].to_string())?;
//!
//! let password = format!("{id}#{}", secret.expose());
//! let principal = directory.authenticate("demo", password.as_bytes())?;
//! assert!(directory.may(&principal, Action::PostLogStoreLogs, &"nginx".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod access_key;
mod action;
mod directory;
mod login;
mod logstore;
mod name;
mod policy;
mod secret;
mod topic;

pub use access_key::{AccessKey, AccessKeyId, AccessKeyIdError};
pub use action::Action;
pub use directory::{AuthFailure, Directory, DirectoryBuilder, Mistake, Place, Principal, Problem};
pub use logboom_model::Form;
pub use login::{LoginError, LooksLike};
pub use logstore::{Logstore, Project, Retention};
pub use name::{LogstoreName, NameError, ProjectName};
pub use policy::{Policy, PolicyMistake, PolicyProblem};
pub use secret::{Secret, SecretHash, SecretHashError};
pub use topic::{Topic, TopicError};
