//! What a key may see and write, as topics.

use logboom_access::{Action, Directory, Form, Logstore, Principal, Topic};
use logboom_wire::error::ErrorCode;

use crate::Code;
use crate::refusal::{Refusal, shown};

/// A topic that a client may write to.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) logstore: &'a Logstore,
    pub(crate) form: Form,
}

/// The topic under which a Logstore is known to clients that read its values in this form.
pub(crate) fn name(logstore: &Logstore, form: Form) -> String {
    Topic::new(logstore.name.clone(), form).to_string()
}

/// Finds the Logstore that a topic names, if `principal` may write to it.
///
/// Rights come before existence: who has no right learns nothing about what exists.
pub(crate) fn find<'a>(
    directory: &'a Directory,
    principal: Option<&Principal>,
    name: &str,
) -> Result<Target<'a>, Refusal> {
    let topic = Topic::parse(name).map_err(|error| {
        let detail = format!("topic {}: {}", shown(name), error.reason);
        Refusal::new(ErrorCode::InvalidTopic, Code::InvalidLogstoreName, detail)
    })?;
    let no_right = || {
        let detail = format!("topic {}", shown(name));
        Refusal::new(ErrorCode::TopicAuthorizationFailed, Code::NoWriteRight, detail)
    };
    let principal = principal.ok_or_else(no_right)?;
    if !directory.may(principal, Action::PostLogStoreLogs, topic.logstore()) {
        return Err(no_right());
    }
    let Some(logstore) = directory.logstore(principal.project(), topic.logstore()) else {
        let detail = match directory.nearest(principal, topic.logstore()) {
            Some(near) => format!("topic {}; did you mean {near}?", shown(name)),
            None => format!("topic {}", shown(name)),
        };
        return Err(Refusal::new(
            ErrorCode::UnknownTopicOrPartition,
            Code::UnknownLogstore,
            detail,
        ));
    };
    Ok(Target { logstore, form: topic.form() })
}
