/// What a [`Principal`](crate::Principal) may be allowed to do with a Logstore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Write logs, and see the Logstore in Kafka's Metadata.
    PostLogStoreLogs,
    /// Read logs by query.
    GetLogStoreLogs,
    /// Read logs by cursor.
    PullLogs,
}

impl Action {
    /// Every action, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::PostLogStoreLogs, Self::GetLogStoreLogs, Self::PullLogs];

    /// The action as policies spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PostLogStoreLogs => "log:PostLogStoreLogs",
            Self::GetLogStoreLogs => "log:GetLogStoreLogs",
            Self::PullLogs => "log:PullLogs",
        }
    }

    /// The name in lower case: policies may spell actions in any case.
    pub(crate) const fn folded(self) -> &'static str {
        match self {
            Self::PostLogStoreLogs => "log:postlogstorelogs",
            Self::GetLogStoreLogs => "log:getlogstorelogs",
            Self::PullLogs => "log:pulllogs",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folded_name_is_the_name_in_lower_case() {
        for action in Action::ALL {
            assert_eq!(action.folded(), action.name().to_ascii_lowercase());
        }
    }
}
