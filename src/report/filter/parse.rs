//! Words become a question. `or` binds weaker than a blank, `not` stronger.

use std::ops::Range;

use super::{
    FilterError, Node,
    lex::{self, Token},
    term::Term,
};

/// How deep parentheses and `not`s may be nested.
const DEEPEST: usize = 32;

/// Reads a whole line.
pub(super) fn parse(text: &str) -> Result<Node, FilterError> {
    let tokens = lex::tokens(text)?;
    let mut parser = Parser { tokens: &tokens, end: text.len(), depth: 0 };
    if tokens.is_empty() {
        return Ok(Node::default());
    }
    let node = parser.any()?;
    match parser.tokens.first() {
        None => Ok(node),
        Some((_, at)) => Err(FilterError::new(at.clone(), "this parenthesis was never opened")),
    }
}

struct Parser<'a> {
    tokens: &'a [(Token, Range<usize>)],
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all()?];
        while self.take(&Token::Or).is_some() {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.one()?];
        loop {
            match self.tokens.first() {
                None | Some((Token::Or | Token::Close, _)) => return Ok(one_or(nodes, Node::All)),
                Some((Token::And, _)) => {
                    self.take(&Token::And);
                    nodes.push(self.one()?);
                }
                Some(_) => nodes.push(self.one()?),
            }
        }
    }

    fn one(&mut self) -> Result<Node, FilterError> {
        let Some(((token, at), rest)) = self.tokens.split_first() else {
            return Err(FilterError::new(self.end..self.end, "something is missing at the end"));
        };
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(FilterError::new(at.clone(), "nested too deep"));
        }
        self.tokens = rest;
        let node = match token {
            Token::Open => self.group(at)?,
            Token::Not => Node::Not(Box::new(self.one()?)),
            Token::Bare(word) => Node::Term(Term::bare(word)?),
            Token::Pair(key, relation, value) => Node::Term(Term::pair(key, *relation, value)?),
            Token::Close => return Err(FilterError::new(at.clone(), "nothing stands before this parenthesis")),
            Token::Or | Token::And => return Err(FilterError::new(at.clone(), "nothing stands before this word")),
        };
        self.depth -= 1;
        Ok(node)
    }

    fn group(&mut self, open: &Range<usize>) -> Result<Node, FilterError> {
        let node = self.any()?;
        match self.take(&Token::Close) {
            Some(()) => Ok(node),
            None => Err(FilterError::new(open.clone(), "this parenthesis is never closed")),
        }
    }

    fn take(&mut self, wanted: &Token) -> Option<()> {
        let ((token, _), rest) = self.tokens.split_first()?;
        if token != wanted {
            return None;
        }
        self.tokens = rest;
        Some(())
    }
}

fn one_or(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            join(nodes)
        }
        None => Node::default(),
    }
}
