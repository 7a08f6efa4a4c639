//! A line of text becomes words with their places.

use std::ops::Range;

use super::FilterError;

/// No filter is longer: what is, was not typed.
const LONGEST: usize = 4_096;

/// How a key and a value are joined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Relation {
    /// `:` or `=`
    Is,
    /// `~`
    Like,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// A value, without its quotation marks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: Range<usize>,
    pub(super) quoted: bool,
}

/// One piece of a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Or,
    And,
    Not,
    /// A word by itself.
    Bare(Word),
    /// `key`, relation, value.
    Pair(Word, Relation, Word),
}

/// The pieces of `text`, each with its place.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, FilterError> {
    if text.len() > LONGEST {
        return Err(FilterError::new(0..text.len(), format!("longer than {LONGEST} characters")));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some((token, at)) = lexer.next()? {
        tokens.push((token, at));
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<(Token, Range<usize>)>, FilterError> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.advance();
        }
        let start = self.at;
        let token = match self.peek() {
            None => return Ok(None),
            Some('(') => self.single(Token::Open),
            Some(')') => self.single(Token::Close),
            Some('|') => self.repeated('|', Token::Or),
            Some('&') => self.repeated('&', Token::And),
            Some('-' | '!') => self.single(Token::Not),
            Some(_) => self.term()?,
        };
        Ok(Some((token, start..self.at)))
    }

    fn single(&mut self, token: Token) -> Token {
        self.advance();
        token
    }

    fn repeated(&mut self, mark: char, token: Token) -> Token {
        while self.peek() == Some(mark) {
            self.advance();
        }
        token
    }

    /// `word`, `"several words"`, or `key:value`.
    fn term(&mut self) -> Result<Token, FilterError> {
        let first = self.word(&[':', '=', '~', '<', '>', '(', ')'])?;
        let Some(relation) = self.relation() else { return Ok(joiner(first)) };
        if first.quoted || first.text.is_empty() {
            return Err(FilterError::new(first.at.start..self.at, "no key in front of it, such as app or up"));
        }
        let after = self.at;
        let value = self.word(&['(', ')'])?;
        if value.text.is_empty() && !value.quoted {
            return Err(FilterError::new(first.at.start..after, format!("no value after {}", first.text)));
        }
        Ok(Token::Pair(first, relation, value))
    }

    fn relation(&mut self) -> Option<Relation> {
        let relation = match self.peek()? {
            ':' | '=' => Relation::Is,
            '~' => Relation::Like,
            '>' => Relation::Above,
            '<' => Relation::Below,
            _ => return None,
        };
        self.advance();
        let or_equal = self.peek() == Some('=') && matches!(relation, Relation::Above | Relation::Below);
        if or_equal {
            self.advance();
        }
        Some(match relation {
            Relation::Above if or_equal => Relation::AtLeast,
            Relation::Below if or_equal => Relation::AtMost,
            plain => plain,
        })
    }

    /// A run up to a blank or one of `ends`, or everything between quotation marks.
    fn word(&mut self, ends: &[char]) -> Result<Word, FilterError> {
        let start = self.at;
        if self.peek() == Some('"') {
            return self.quotation(start);
        }
        while self.peek().is_some_and(|c| !c.is_whitespace() && !ends.contains(&c)) {
            self.advance();
        }
        Ok(Word { text: self.text[start..self.at].to_owned(), at: start..self.at, quoted: false })
    }

    fn quotation(&mut self, start: usize) -> Result<Word, FilterError> {
        self.advance();
        let inside = self.at;
        while self.peek().is_some_and(|c| c != '"') {
            self.advance();
        }
        let text = self.text[inside..self.at].to_owned();
        if self.peek().is_none() {
            return Err(FilterError::new(start..self.at, "the quotation mark is never closed"));
        }
        self.advance();
        Ok(Word { text, at: start..self.at, quoted: true })
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn advance(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }
}

fn joiner(word: Word) -> Token {
    match word.text.to_ascii_lowercase().as_str() {
        _ if word.quoted => Token::Bare(word),
        "or" => Token::Or,
        "and" => Token::And,
        "not" => Token::Not,
        _ => Token::Bare(word),
    }
}
