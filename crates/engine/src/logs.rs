use logboom_access::Form;
use logboom_model::{LogGroup, MappingOptions, MappingReport, Origin, group, map};
use logboom_store::StoredBatch;
use logboom_wire::records::{self, BatchError, Limits, Scratch};

/// Turns stored batches into logs.
///
/// A batch was checked as a whole before it was stored, so mapping it cannot fail unless the disk
/// returns something else than what was written, which the store itself notices first.
#[derive(Debug, Default)]
pub struct LogMapper {
    limits: Limits,
    scratch: Scratch,
    report: MappingReport,
}

impl LogMapper {
    /// A mapper for batches within `limits`, which must be at least those with which they were
    /// stored.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The logs of a batch, in the order of their offsets. With `with_offset` the group has the tag
    /// `__offset__`, the offset of its first log.
    ///
    /// # Errors
    ///
    /// If the batch cannot be read, although it could when it was stored.
    pub fn map(
        &mut self,
        batch: &StoredBatch,
        options: &MappingOptions,
        with_offset: bool,
    ) -> Result<LogGroup, BatchError> {
        let form = form_of(batch.form);
        let origin = Origin {
            peer: batch.peer,
            client_id: &batch.client_id,
            shard: batch.shard.index,
            first_offset: with_offset.then_some(batch.base_offset),
        };
        let records = records::read(&batch.batch, &self.limits, &mut self.scratch)?;
        let mut logs = Vec::new();
        for record in records {
            logs.push(map(&record?, form, options, batch.append_time_ms, &mut self.report));
        }
        Ok(group(logs, &origin))
    }

    /// What did not fit into a log as it was, over all batches so far.
    #[must_use]
    pub const fn report(&self) -> &MappingReport {
        &self.report
    }
}

/// The number under which the form of a topic is stored with a batch.
pub(crate) const fn form_number(form: Form) -> u8 {
    match form {
        Form::Raw => 0,
        Form::Json => 1,
    }
}

/// The form with this number. One that nobody wrote yet is read as it is.
const fn form_of(number: u8) -> Form {
    match number {
        1 => Form::Json,
        _ => Form::Raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_keep_their_numbers() {
        for form in [Form::Raw, Form::Json] {
            assert_eq!(form_of(form_number(form)), form);
        }
        assert_eq!(form_number(Form::Json), 1);
    }
}
