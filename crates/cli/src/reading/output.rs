use clap::ValueEnum;
use logboom_engine::LogMapper;
use logboom_model::text::{self, Position};
use logboom_model::{LogGroup, LogGroupList, MappingOptions, Message};
use logboom_store::StoredBatch;

use crate::console::Console;
use crate::failure::Failure;

/// How logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
    /// The published protobuf schema.
    Protobuf,
}

/// Prints batches as logs.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    console: &'a Console,
    format: Format,
    with_offsets: bool,
    options: MappingOptions,
    mapper: LogMapper,
    text: String,
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        console: &'a Console,
        format: Format,
        with_offsets: bool,
        options: MappingOptions,
        mapper: LogMapper,
    ) -> Self {
        Self { console, format, with_offsets, options, mapper, text: String::new() }
    }

    /// Prints the logs of a batch.
    pub(crate) fn print(&mut self, batch: &StoredBatch) -> Result<(), Failure> {
        // Text says the offset of each log; a LogGroup has room for the first one only.
        let tagged = self.with_offsets && self.format == Format::Protobuf;
        let group = self.mapper.map(batch, &self.options, tagged).map_err(|error| {
            let place = format!("offset {} of {}", batch.base_offset, batch.shard);
            Failure::run(format!("the batch at {place} cannot be read: {error}"))
        })?;
        if self.format == Format::Protobuf {
            // Lists behind each other are one list, so each batch can be one.
            let list = LogGroupList { log_group_list: vec![group] };
            return self.console.print_bytes(&list.encode_to_vec());
        }
        self.text.clear();
        self.write_lines(batch, &group);
        self.console.print_bytes(self.text.as_bytes())
    }

    fn write_lines(&mut self, batch: &StoredBatch, group: &LogGroup) {
        for (offset, log) in (batch.base_offset..).zip(&group.logs) {
            let position =
                self.with_offsets.then_some(Position { shard: batch.shard.index, offset });
            match self.format {
                Format::Json => {
                    text::write_json(&mut self.text, log, group, position);
                }
                Format::Pretty | Format::Protobuf => {
                    text::write_pretty(&mut self.text, log, group, position);
                }
            }
        }
    }
}
