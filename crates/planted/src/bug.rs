use std::fmt::{self, Display, Formatter};

/// Through how much of the product a run has to go to come by a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The store alone.
    Store,
    /// Everything.
    Full,
}

macro_rules! bugs {
    ($($part:literal $level:ident { $($bug:ident $breaks:literal,)* })*) => {
        /// A bug that a programmer could make.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Bug {
            $($(#[doc = $breaks] $bug,)*)*
        }

        impl Bug {
            /// Every bug, part by part.
            pub const ALL: &[Self] = &[$($(Self::$bug,)*)*];

            /// The name that is written at its site.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$bug => stringify!($bug),)*)* }
            }

            /// What it does.
            #[must_use]
            pub const fn breaks(self) -> &'static str {
                match self { $($(Self::$bug => $breaks,)*)* }
            }

            /// The part of the product where it is.
            #[must_use]
            pub const fn part(self) -> &'static str {
                match self { $($(Self::$bug => $part,)*)* }
            }

            /// The level at which it is looked for.
            #[must_use]
            pub const fn level(self) -> Level {
                match self { $($(Self::$bug => Level::$level,)*)* }
            }
        }
    };
}

bugs! {
    "store" Store {
        AckBeforeSync "A group is acknowledged when it is written, without a sync.",
        RetryFailedSync "A sync that failed is tried again, and believed the second time.",
        MarkBeforeSync "The mark says that a group is durable before it is synced.",
        HeaderNotSynced "A new segment gets its name before its header is durable.",
        NameNotSynced "The name of a new segment is not made durable.",
        ShortDiskWriteIsFull "A write that moved only a part is taken for a whole one.",
        FullDiskIsSuccess "A write that found no space is taken for a whole one.",
        AnswersReversed "The answers of a group come in the wrong order.",
        BatchLostAtRoll "A batch that has to wait for the next segment is dropped.",
        GroupForgotten "A frame does not say that others were written with it.",
        FrameChecksumIgnored "The checksum of a frame is not compared.",
        TornTailKept "A torn tail is written over without being cut off first.",
        TailNotSynced "What the last process wrote is read without being made durable.",
        DamageCutOff "Damage before an intact group is cut off like a torn tail.",
        OffsetsReused "A shard in which everything has expired starts at 0 after a restart.",
        StartsForgotten "Where shards start is not read at open.",
        CatalogueNotWritten "A changed catalogue stays in memory.",
        CatalogueNotSynced "A new catalogue takes the place of the old one before it is durable.",
        DuplicateAtNewOffset "A duplicate is answered with the next offset.",
        FifthBatchForgotten "Four batches of a producer are remembered, not five.",
        SequenceOffByOne "The next sequence number is expected one too low.",
        GapAccepted "A gap in the sequence numbers is accepted.",
        FirstBatchOvertaken "A later batch takes the place of a first one that a full disk refused.",
        OldEpochAccepted "A producer that was fenced off is let in.",
        ProducersForgotten "What a footer says of producers is not read at open.",
        OneSegmentTooMany "Retention by size takes one segment more than it may.",
        YoungExpires "Retention by age takes a segment as soon as something in it is old.",
        UnlinkedBeforeCatalogue "Segments are removed before the catalogue says so.",
        ExpiredInLog "The log still shows what has expired.",
        ExpiredReadable "Offsets that have expired can be read.",
        ReadsOneBatchEarly "A read at the first offset of a batch begins with the batch before.",
        IndexOffByOne "The index in a footer points at the next batch.",
    }
    "store" Full {
        ProducerIdsReused "Producer ids of the last process are given out again.",
    }
    "conn" Full {
        WindowOffByOne "One request more than allowed is in flight.",
        FirstAnsweredFirstSent "A response leaves before that of an earlier request.",
        PreviousCorrelationId "A response carries the number of the request before.",
        AcksZeroAnswered "A Produce request with acks=0 gets a response.",
        SentAgain "What was sent of a response is sent again after a short write.",
        DrainDropsRequests "A drain forgets the requests that are in flight.",
        HalfCloseDropsRequests "Requests are forgotten when the peer shuts down writing.",
        LoginNotNeeded "Everything is allowed before the login.",
        StrangersSendLargeFrames "The limit of frames before the login is that of after.",
        AuthTimerIgnored "A peer may take for ever to log in.",
        IdleTimerStopped "The idle timer is stopped by activity and not set again.",
        FrameTimerForgotten "A peer may take for ever to complete a request.",
        WriteTimerForgotten "A peer may leave its responses unread for ever.",
        ProduceTimerForgotten "A request waits longer for the disk than its timeout says.",
    }
    "engine" Full {
        RightsNotChecked "Every key may write to every Logstore of its project.",
        FirstTopicForAll "The first topic of a request is taken for all of them.",
        StreamOfAnotherProject "A Logstore of the same name in another project is written to.",
        ShardsCountedFromOne "Shards are counted from 1.",
        FormForgotten "A batch for X.json is stored as one for X.",
        FormsShareProducer "X and X.json of a producer share their sequence numbers.",
        OutcomeMisplaced "What became of any partition is told of the first one.",
        AnsweredAtFirstBatch "A request is answered before all of its batches are durable.",
        FailureIsSuccess "A failure of the store is answered as success.",
        RevokedKeyStays "A session stays although its key was revoked.",
        ReloadForgotten "A new configuration is read and not used.",
        SessionNotRegistered "A session is not found when its key is revoked.",
        BudgetLeaks "The memory of a request is never given back.",
        LineNotServed "Who waits for memory is never served.",
    }
    "access" Full {
        AnySecret "A wrong secret of a known key is accepted.",
        KeyOfAnyProject "A key of another project is accepted.",
        AllowBeatsDeny "A policy that allows outranks one that denies.",
    }
    "driver" Full {
        ShortSendIsFull "A write that took only a part is taken for a whole one.",
        EndIgnored "The machine is not told that the peer has ended.",
        AlarmSetOnce "An alarm that has rung is not set again.",
        InterruptionIsFatal "A call that was interrupted ends the connection.",
        CommandsLost "Of several commands only the first is applied.",
    }
    "wire" Full {
        BatchChecksumIgnored "The checksum of a batch is not compared.",
        MessageChecksumIgnored "The checksum of an old message is not compared.",
        RecordCountIgnored "The header of a batch may give its last offset as it likes.",
    }
}

impl Bug {
    /// The bug of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }
}

impl Display for Bug {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_found_by_its_name() {
        assert!(Bug::ALL.len() >= 30);
        for bug in Bug::ALL.iter().copied() {
            assert_eq!(Bug::from_name(bug.name()), Some(bug));
        }
    }
}
