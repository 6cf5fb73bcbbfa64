/// Something that an operator should know although nothing was refused: a client works, but not in
/// the way its owner thinks.
///
/// Like a refusal it has one code, one page and one counter, and the same notice about the same
/// address makes one line a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Notice {
    /// The host name that a client used is that of another project than it logged in to.
    HostOfAnotherProject,
    /// Batches in a message format from before 2017.
    OldFormat,
    /// A producer id that this server never gave out.
    ForeignProducerId,
    /// Records that are more than an hour ahead of the clock of this machine.
    RecordsFromTheFuture,
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volume {
    /// Everything arrives as it should.
    Info,
    /// Something will be wrong later, or is already.
    Warn,
}

impl Notice {
    /// Every notice, in the order of their numbers.
    pub const ALL: [Self; 4] = [
        Self::HostOfAnotherProject,
        Self::OldFormat,
        Self::ForeignProducerId,
        Self::RecordsFromTheFuture,
    ];

    /// The code as it is printed and looked up.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HostOfAnotherProject => "LB0801",
            Self::OldFormat => "LB0802",
            Self::ForeignProducerId => "LB0803",
            Self::RecordsFromTheFuture => "LB0804",
        }
    }

    /// What was noticed, as the title of the log line.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::HostOfAnotherProject => "the host name belongs to another project",
            Self::OldFormat => "batches in an old message format",
            Self::ForeignProducerId => "a producer id that this server never gave out",
            Self::RecordsFromTheFuture => "records from the future",
        }
    }

    /// What to do about it, in the words of the log line.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::HostOfAnotherProject => {
                "records go to the project of the user name; \
                 in that client correct the host name or the user name"
            }
            Self::OldFormat => {
                "without record batches there is no idempotence and no zstd; let that client use \
                 the protocol of Kafka 0.11 or newer"
            }
            Self::ForeignProducerId => {
                "restart that producer if it was connected to another cluster, or to this server \
                 before its data was removed or restored; it is served all the same"
            }
            Self::RecordsFromTheFuture => {
                "let NTP set the clock of that machine, and look for times without time zone"
            }
        }
    }

    pub(crate) const fn volume(self) -> Volume {
        match self {
            Self::OldFormat => Volume::Info,
            Self::HostOfAnotherProject | Self::ForeignProducerId | Self::RecordsFromTheFuture => {
                Volume::Warn
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[test]
    fn notices_are_listed_once_in_order_and_apart_from_refusals() {
        for pair in Notice::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[0].as_str() < pair[1].as_str());
        }
        for notice in Notice::ALL {
            assert!(Code::ALL.iter().all(|code| code.as_str() != notice.as_str()));
        }
    }
}
