//! A letter before it has a form: what it says, part by part, in one language.

/// What one mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) parts: Vec<Part>,
}

/// A part of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A paragraph.
    Say(String),
    /// What the reader is to open.
    Open {
        /// What it does, in two or three words.
        label: String,
        /// The whole address.
        url: String,
    },
    /// Something to be copied exactly.
    Copy(String),
    /// One thing on each line.
    List(Vec<String>),
    /// What to do when somebody else did it.
    Alarm(String),
}

impl Letter {
    /// A letter that says nothing yet.
    pub(super) fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), parts: Vec::new() }
    }

    /// Adds a paragraph.
    pub(super) fn say(self, text: impl Into<String>) -> Self {
        self.with(Part::Say(text.into()))
    }

    /// Adds an address to open.
    pub(super) fn open(self, label: &str, url: &str) -> Self {
        self.with(Part::Open { label: label.to_owned(), url: url.to_owned() })
    }

    /// Adds something to be copied exactly.
    pub(super) fn copy(self, text: &str) -> Self {
        self.with(Part::Copy(text.to_owned()))
    }

    /// Adds lines.
    pub(super) fn list(self, lines: Vec<String>) -> Self {
        self.with(Part::List(lines))
    }

    /// Adds what to do when somebody else did it.
    pub(super) fn alarm(self, text: impl Into<String>) -> Self {
        self.with(Part::Alarm(text.into()))
    }

    /// Whether somebody may have to act on it at once.
    pub(super) fn is_alarming(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Alarm(_)))
    }

    /// Whether there is an address to open in it.
    pub(super) fn opens(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Open { .. }))
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
}
