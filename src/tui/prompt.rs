//! The line in which a filter is typed.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::report::{Completion, Filter, FilterError, Vocabulary, complete};

/// No filter that is typed is longer.
const LONGEST: usize = 1_000;

/// A filter that is being typed.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// What was typed.
    pub text: String,
    /// Where the cursor is, in bytes.
    pub cursor: usize,
    /// What is wrong with it.
    pub error: Option<FilterError>,
    /// How it could go on.
    pub completions: Vec<Completion>,
    /// Which of them is chosen.
    pub chosen: Option<usize>,
    /// How far back in the history it is, and what was typed before.
    past: Option<(usize, String)>,
    words: Vocabulary,
}

/// What a key made of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed {
    /// It goes on.
    On,
    /// It is to be asked.
    Ask(String, Filter),
    /// It is given up.
    Give,
}

impl Prompt {
    /// A prompt that begins with `text`.
    pub fn new(text: &str, words: Vocabulary) -> Self {
        let mut prompt = Self { text: text.to_owned(), cursor: text.len(), words, ..Self::default() };
        prompt.look();
        prompt
    }

    /// Takes a key.
    pub fn press(&mut self, key: KeyEvent, history: &[String]) -> Typed {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Typed::Give,
            KeyCode::Char('c') if control => return Typed::Give,
            KeyCode::Enter => match self.chosen {
                Some(_) => self.accept(),
                None => return self.ask(),
            },
            KeyCode::Tab => self.accept(),
            KeyCode::BackTab => self.turn(-1),
            KeyCode::Down if !self.completions.is_empty() && self.past.is_none() => self.turn(1),
            KeyCode::Up if self.chosen.is_some() => self.turn(-1),
            KeyCode::Up => self.remember(history, 1),
            KeyCode::Down => self.remember(history, -1),
            KeyCode::Char('u') if control => self.replace(0..self.cursor, ""),
            KeyCode::Char('w') if control => self.replace(self.word_start()..self.cursor, ""),
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.text.len(),
            KeyCode::Char(_) if control => {}
            KeyCode::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => self.replace(self.before()..self.cursor, ""),
            KeyCode::Delete => self.replace(self.cursor..self.after(), ""),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => {}
        }
        Typed::On
    }

    /// Inserts text at the cursor, without what could not be typed.
    pub fn insert(&mut self, text: &str) {
        let plain: String = text.chars().filter(|c| !c.is_control()).collect();
        if self.text.len() + plain.len() <= LONGEST {
            self.replace(self.cursor..self.cursor, &plain);
        }
    }

    fn ask(&mut self) -> Typed {
        match Filter::parse(&self.text) {
            Ok(filter) => Typed::Ask(self.text.trim().to_owned(), filter),
            Err(error) => {
                self.error = Some(error);
                Typed::On
            }
        }
    }

    /// Takes the chosen completion, or the first.
    fn accept(&mut self) {
        let Some(completion) = self.completions.get(self.chosen.unwrap_or(0)).cloned() else { return };
        let open = completion.text.ends_with([':', '>']);
        let text = if open { completion.text } else { format!("{} ", completion.text) };
        self.cursor = completion.at.end.min(self.text.len());
        self.replace(completion.at.start..self.cursor, &text);
    }

    fn turn(&mut self, by: isize) {
        let len = self.completions.len();
        if len == 0 {
            return;
        }
        self.chosen = Some(match self.chosen {
            None if by > 0 => 0,
            None => len - 1,
            Some(at) => (at + len).saturating_add_signed(by) % len,
        });
    }

    fn remember(&mut self, history: &[String], by: isize) {
        let (at, typed) = self.past.clone().unwrap_or((0, self.text.clone()));
        let at = at.saturating_add_signed(by).min(history.len());
        self.text = match history.len().checked_sub(at) {
            Some(n) if at > 0 => history[n].clone(),
            _ => typed.clone(),
        };
        self.cursor = self.text.len();
        self.look();
        self.past = (at > 0).then_some((at, typed));
    }

    fn replace(&mut self, at: std::ops::Range<usize>, text: &str) {
        if self.text.get(at.clone()).is_some() {
            self.cursor = at.start + text.len();
            self.text.replace_range(at, text);
        }
        self.look();
    }

    /// Says again what is wrong and what could come next. A word that is not finished is not called wrong.
    fn look(&mut self) {
        (self.chosen, self.past) = (None, None);
        self.completions =
            if self.text.is_empty() { Vec::new() } else { complete(&self.text, self.cursor, &self.words) };
        let unfinished = |error: &FilterError| error.at.end >= self.text.trim_end().len();
        self.error = Filter::parse(&self.text).err().filter(|error| !unfinished(error));
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text[self.cursor..].chars().next().map_or(self.cursor, |c| self.cursor + c.len_utf8())
    }

    fn word_start(&self) -> usize {
        let head = self.text[..self.cursor].trim_end();
        head.rfind(char::is_whitespace).map_or(0, |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(prompt: &mut Prompt, code: KeyCode, history: &[String]) -> Typed {
        prompt.press(KeyEvent::new(code, KeyModifiers::NONE), history)
    }

    fn typed(text: &str) -> Prompt {
        let words = Vocabulary { apps: vec!["whatsapp".into(), "wechat".into()], ..Vocabulary::default() };
        let mut prompt = Prompt::new("", words);
        for c in text.chars() {
            press(&mut prompt, KeyCode::Char(c), &[]);
        }
        prompt
    }

    #[test]
    fn tab_finishes_words() {
        let mut prompt = typed("ap");
        press(&mut prompt, KeyCode::Tab, &[]);
        assert_eq!(prompt.text, "app:");
        press(&mut prompt, KeyCode::Char('w'), &[]);
        press(&mut prompt, KeyCode::Down, &[]);
        press(&mut prompt, KeyCode::Down, &[]);
        press(&mut prompt, KeyCode::Enter, &[]);
        assert_eq!(prompt.text, "app:wechat ");
        let Typed::Ask(text, _) = press(&mut prompt, KeyCode::Enter, &[]) else { panic!("it is not asked") };
        assert_eq!(text, "app:wechat");
    }

    #[test]
    fn a_word_is_called_wrong_once_the_next_is_begun_or_it_is_asked() {
        let mut prompt = typed("up>5MX");
        assert_eq!(prompt.error, None);
        assert_eq!(press(&mut prompt, KeyCode::Enter, &[]), Typed::On);
        assert!(prompt.error.is_some());
        assert!(typed("up>5MX a").error.is_some());
    }

    #[test]
    fn the_past_comes_back_and_what_was_typed_too() {
        let history = ["app:one".to_owned(), "app:two".to_owned()];
        let mut prompt = typed("zz");
        let mut seen = Vec::new();
        for code in [KeyCode::Up, KeyCode::Up, KeyCode::Up, KeyCode::Down, KeyCode::Down] {
            press(&mut prompt, code, &history);
            seen.push(prompt.text.clone());
        }
        assert_eq!(seen, ["app:two", "app:one", "app:one", "app:two", "zz"]);
    }

    #[test]
    fn editing_keeps_to_whole_characters() {
        let mut prompt = typed("a微信");
        press(&mut prompt, KeyCode::Left, &[]);
        press(&mut prompt, KeyCode::Backspace, &[]);
        assert_eq!((prompt.text.as_str(), prompt.cursor), ("a信", 1));
        prompt.insert("x\u{1b}\ny");
        assert_eq!(prompt.text, "axy信");
    }
}
