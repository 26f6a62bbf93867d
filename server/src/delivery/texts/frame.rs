//! The form of a letter: plain text, and HTML for readers that show it.
//!
//! The HTML has one column, the reader's own fonts and colours, in the light and in the dark,
//! and nothing that has to be fetched: no picture, no script, no address but those to be opened.
//! Every value is escaped, whoever gave it.

use super::letter::{Letter, Part};
use super::words::Words;

/// What stands around a letter.
pub(super) struct Around<'a> {
    pub(super) words: &'a dyn Words,
    /// The reader's name.
    pub(super) name: &'a str,
    pub(super) service: &'a str,
    /// Where to ask.
    pub(super) support: Option<&'a str>,
}

impl Around<'_> {
    /// The letter as text, in lines of any length: programs that show mail break them.
    pub(super) fn text(&self, letter: &Letter) -> String {
        let mut text = self.words.greeting(self.name);
        for part in &letter.parts {
            text.push_str("\n\n");
            match part {
                Part::Say(words) | Part::Alarm(words) => text.push_str(words),
                Part::Open { label, url } => text.push_str(&format!("{label}:\n{url}")),
                Part::Copy(value) => text.push_str(&format!("    {value}")),
                Part::List(lines) => {
                    let lines: Vec<String> = lines.iter().map(|line| format!("- {line}")).collect();
                    text.push_str(&lines.join("\n"));
                }
            }
        }
        format!("{text}\n\n{}\n\n--\n{}\n", self.service, self.footer())
    }

    /// The letter as HTML.
    pub(super) fn html(&self, letter: &Letter) -> String {
        let parts: String = letter.parts.iter().map(|part| self.part(part)).collect();
        format!(
            include_str!("frame.html"),
            language = self.words.tag(),
            subject = escape(&letter.subject),
            greeting = escape(&self.words.greeting(self.name)),
            parts = parts,
            service = escape(self.service),
            footer = escape(&self.footer()),
        )
    }

    fn footer(&self) -> String {
        self.words.footer(self.service, self.support)
    }

    fn part(&self, part: &Part) -> String {
        match part {
            Part::Say(words) => format!("<p>{}</p>\n", escape(words)),
            Part::Alarm(words) => format!("<p class=\"alarm\">{}</p>\n", escape(words)),
            Part::Copy(value) => format!("<p class=\"copy\">{}</p>\n", escape(value)),
            Part::List(lines) => {
                let lines: String =
                    lines.iter().map(|line| format!("<li>{}</li>\n", escape(line))).collect();
                format!("<ul>\n{lines}</ul>\n")
            }
            Part::Open { label, url } => format!(
                "<p><a class=\"open\" href=\"{url}\">{label}</a></p>\n<p class=\"small\">{copy}\
                 <br>\n<span class=\"address\">{url}</span></p>\n",
                url = escape(url),
                label = escape(label),
                copy = escape(self.words.copy_address()),
            ),
        }
    }
}

/// A value in the text of HTML, or between double quotes in one of its tags.
pub(crate) fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
