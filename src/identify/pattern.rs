//! Host patterns of rule files: what they match, and which of two is the more specific.

use std::fmt;

/// How a pattern matches, weakest first: an exact name beats a glob, a glob beats a suffix.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Class {
    /// The name itself and every name below it.
    Suffix,
    /// `*` stands for any run of characters within a label; a leading `*.` for one or more whole labels.
    Glob,
    /// The name itself.
    Exact,
}

/// A host pattern, checked: lower case, whole labels, at most one `*` in a label.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub struct Pattern {
    class: Class,
    text: Box<str>,
}

/// Which of two patterns that match one name wins: the higher one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub struct Specificity {
    /// Exact before glob before suffix.
    pub class: Class,
    /// Then by the number of characters that are not `*`.
    pub literal: u16,
}

/// Why a text is no host pattern, and what would mend it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotAPattern {
    /// Capitals, a port, a path, a space, an empty label, or too long.
    #[error("{0:?} is no host name: write it in lower case without scheme, port, path or final dot")]
    Name(String),
    /// A `*` in an `exact` or `suffix` entry.
    #[error("{0:?} holds a *: put it under `glob`")]
    Star(String),
    /// A `glob` entry without `*`.
    #[error("{0:?} holds no *: put it under `exact` or `suffix`")]
    NoStar(String),
    /// Two `*` in one label.
    #[error("{0:?} holds two * in one label: one is allowed")]
    TwoStars(String),
    /// It would match whole top-level domains.
    #[error("{0:?} is too wide: its last two labels must be written out")]
    TooWide(String),
}

impl Pattern {
    /// Reads a pattern of a `class` entry.
    pub fn new(class: Class, text: &str) -> Result<Self, NotAPattern> {
        let said = || text.chars().take(80).collect::<String>();
        let sound = |label: &str| !label.is_empty() && label.len() <= 63 && label.chars().all(is_host_char);
        if text.len() > 253 || !text.split('.').all(sound) {
            return Err(NotAPattern::Name(said()));
        }
        match (class, text.contains('*')) {
            (Class::Exact | Class::Suffix, true) => return Err(NotAPattern::Star(said())),
            (Class::Glob, false) => return Err(NotAPattern::NoStar(said())),
            _ => {}
        }
        if text.split('.').any(|label| label.matches('*').count() > 1) {
            return Err(NotAPattern::TwoStars(said()));
        }
        let written_out = text.rsplit('.').take_while(|label| !label.contains('*')).count();
        if class == Class::Glob && written_out < 2 {
            return Err(NotAPattern::TooWide(said()));
        }
        Ok(Self { class, text: text.into() })
    }

    /// How it matches.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// As it stands in the rule file.
    pub const fn text(&self) -> &str {
        &self.text
    }

    /// How specific it is.
    pub fn specificity(&self) -> Specificity {
        let literal = self.text.len() - self.text.matches('*').count();
        Specificity { class: self.class, literal: u16::try_from(literal).unwrap_or(u16::MAX) }
    }

    /// Whether `name` (in the form of [`host_name`](crate::base::text::host_name)) matches.
    pub fn matches(&self, name: &str) -> bool {
        match self.class {
            Class::Exact => name == &*self.text,
            Class::Suffix => {
                name.strip_suffix(&*self.text).is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            Class::Glob => self.matches_glob(name),
        }
    }

    fn matches_glob(&self, name: &str) -> bool {
        let (fixed, below) = self.glob_parts();
        let mut labels = name.rsplit('.');
        let tail_fits = fixed.rsplit('.').all(|pattern| labels.next().is_some_and(|label| label_fits(pattern, label)));
        tail_fits && labels.next().is_some() == below
    }

    /// The labels that are compared one by one, and whether a leading `*.` asks for one or more before them.
    pub(super) fn glob_parts(&self) -> (&str, bool) {
        match self.text.strip_prefix("*.") {
            Some(fixed) => (fixed, true),
            None => (&self.text, false),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.class {
            Class::Exact => "exact",
            Class::Glob => "glob",
            Class::Suffix => "suffix",
        };
        write!(f, "{class} {}", self.text)
    }
}

fn label_fits(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == label,
        Some((head, tail)) => {
            label.len() >= head.len() + tail.len() && label.starts_with(head) && label.ends_with(tail)
        }
    }
}

fn is_host_char(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Pattern {
        Pattern::new(Class::Glob, text).unwrap()
    }

    #[test]
    fn a_suffix_stops_at_a_label() {
        let suffix = Pattern::new(Class::Suffix, "whatsapp.net").unwrap();
        assert!(suffix.matches("whatsapp.net"));
        assert!(suffix.matches("mmg.whatsapp.net"));
        assert!(!suffix.matches("notwhatsapp.net"));
    }

    #[test]
    fn a_star_stays_in_its_label_and_a_leading_one_takes_whole_labels() {
        assert!(glob("p*-content.icloud.com").matches("p26-content.icloud.com"));
        assert!(!glob("p*-content.icloud.com").matches("p.x-content.icloud.com"));
        assert!(!glob("p*-content.icloud.com").matches("a.p26-content.icloud.com"));
        assert!(glob("*.icloud-content.com").matches("a.b.icloud-content.com"));
        assert!(!glob("*.icloud-content.com").matches("icloud-content.com"));
        assert!(glob("zoom*mmr.*.zoom.us").matches("zoomfr1mmr.fr.zoom.us"));
        assert!(!glob("aa*aa.example.com").matches("aaa.example.com"), "the ends may not overlap");
    }

    #[test]
    fn a_wrong_pattern_says_what_would_mend_it() {
        let wrong = |class, text| Pattern::new(class, text).unwrap_err().to_string();
        assert!(wrong(Class::Exact, "https://a.com").contains("without scheme"));
        assert!(wrong(Class::Exact, "a..com").contains("no host name"));
        assert!(wrong(Class::Suffix, "*.a.com").contains("under `glob`"));
        assert!(wrong(Class::Glob, "a.com").contains("under `exact`"));
        assert!(wrong(Class::Glob, "*a*.b.com").contains("two *"));
        assert!(wrong(Class::Glob, "*.com").contains("too wide"));
    }
}
