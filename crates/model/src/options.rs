/// How the value of a record is read: what the name of its topic asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Form {
    /// Topic `X`: the value is one field.
    #[default]
    Raw,
    /// Topic `X.json`: the members of a JSON object are the fields.
    Json,
}

/// What becomes of the key of a record, unless it is empty or the literal `content`.
///
/// Agents are told to send `content` as the key of every record (reference document on uploading
/// logs over the Kafka protocol), where it only names the field of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum KeyMapping {
    /// It becomes the field `__key__` (`key = "field"`).
    #[default]
    Field,
    /// It becomes the name of the value's field, instead of `content` (`key = "name"`). Where the
    /// value is a JSON object and has no field of its own, it becomes the field `__key__`.
    NameOfValue,
    /// It is left out (`key = "drop"`).
    Drop,
}

/// Which names fields may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum FieldNames {
    /// Any (`field_names = "as-is"`): `@timestamp`, `host.name`.
    #[default]
    AsIs,
    /// Only those of the reference document on the data model (`field_names = "strict"`): letters,
    /// digits and `_`, no digit first, no reserved word. Others are changed to fit.
    Strict,
}

/// How the records of a Logstore become logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingOptions {
    /// What becomes of keys.
    pub key: KeyMapping,
    /// Which names fields may have.
    pub field_names: FieldNames,
    /// The longest name of a field, in bytes. Longer ones are cut.
    pub name_bytes_max: usize,
    /// The longest value of a field, in bytes. Longer ones are cut.
    pub value_bytes_max: usize,
    /// The largest number of members of a JSON object that become fields of their own. An object
    /// with more of them is kept whole, as one field: otherwise a record of a few bytes per member
    /// would make a log of a hundred.
    pub members_max: usize,
}

impl MappingOptions {
    /// The default of [`name_bytes_max`](Self::name_bytes_max), from the reference document on the
    /// data model.
    pub const NAME_BYTES_MAX: usize = 128;
    /// The default of [`value_bytes_max`](Self::value_bytes_max), from the reference document on
    /// the data model.
    pub const VALUE_BYTES_MAX: usize = 1024 * 1024;
    /// The default of [`members_max`](Self::members_max).
    pub const MEMBERS_MAX: usize = 4096;
}

impl Default for MappingOptions {
    fn default() -> Self {
        Self {
            key: KeyMapping::default(),
            field_names: FieldNames::default(),
            name_bytes_max: Self::NAME_BYTES_MAX,
            value_bytes_max: Self::VALUE_BYTES_MAX,
            members_max: Self::MEMBERS_MAX,
        }
    }
}
