//! The text form of a filter, by recursive descent.

use super::{Comparison, Filter, ID_ATTRIBUTE, check_value, kind_of};
use crate::{AttributeValue, Error, Result, Schema};

/// How deep parentheses and `not` may nest; deeper text is a mistake, not a question.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A bare word: a name, a value or a keyword.
    Word(String),
    /// A value in quotes.
    Quoted(String),
    Comparison(Comparison),
    Open,
    Close,
    Comma,
}

pub(super) fn parse(text: &str, schema: &Schema) -> Result<Filter> {
    let tokens = tokenize(text)?;
    if tokens.is_empty() {
        return Ok(Filter::All);
    }
    let mut parser = Parser {
        text,
        schema,
        tokens,
        next: 0,
        depth: 0,
    };
    let filter = parser.any()?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.expected("'and' or 'or'")),
    }
}

/// The tokens and where each begins, in bytes.
fn tokenize(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let mut followed_by = |wanted: char| rest.next_if(|&(_, next)| next == wanted).is_some();
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' => Token::Comparison(Comparison::Equal),
            '!' if followed_by('=') => Token::Comparison(Comparison::NotEqual),
            '<' if followed_by('=') => Token::Comparison(Comparison::LessOrEqual),
            '<' => Token::Comparison(Comparison::Less),
            '>' if followed_by('=') => Token::Comparison(Comparison::GreaterOrEqual),
            '>' => Token::Comparison(Comparison::Greater),
            '"' | '\'' => {
                let mut value = String::new();
                loop {
                    match rest.next() {
                        Some((_, end)) if end == c => break Token::Quoted(value),
                        Some((_, inner)) => value.push(inner),
                        None => return Err(at_byte(text, at, "a quote is not closed")),
                    }
                }
            }
            first => {
                let mut word = String::from(first);
                let ends = |c: char| c.is_whitespace() || "(),=!<>\"'".contains(c);
                while let Some((_, c)) = rest.next_if(|&(_, c)| !ends(c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
        };
        tokens.push((at, token));
    }
    Ok(tokens)
}

fn at_byte(text: &str, at: usize, what: &str) -> Error {
    let column = text.get(..at).map_or(0, |before| before.chars().count()) + 1;
    Error::invalid(format!("filter '{text}', column {column}: {what}"))
}

struct Parser<'a> {
    text: &'a str,
    schema: &'a Schema,
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    fn expected(&self, what: &str) -> Error {
        let at = self
            .tokens
            .get(self.next)
            .map_or(self.text.len(), |(at, _)| *at);
        at_byte(self.text, at, &format!("expected {what}"))
    }

    fn any(&mut self) -> Result<Filter> {
        let mut parts = vec![self.all()?];
        while self.take_keyword("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::Or(parts)
        })
    }

    fn all(&mut self) -> Result<Filter> {
        let mut parts = vec![self.term()?];
        while self.take_keyword("and") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::And(parts)
        })
    }

    fn term(&mut self) -> Result<Filter> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.expected("less nesting"));
        }
        let filter = if self.take_keyword("not") {
            Filter::Not(Box::new(self.term()?))
        } else if self.take(&Token::Open) {
            let inner = self.any()?;
            if !self.take(&Token::Close) {
                return Err(self.expected("')'"));
            }
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn condition(&mut self) -> Result<Filter> {
        let Some(Token::Word(attribute)) = self.peek().cloned() else {
            return Err(self.expected("the name of an attribute"));
        };
        if kind_of(self.schema, &attribute).is_none() {
            let attributes = self.schema.attributes().iter();
            let known = attributes
                .map(|known| known.name.as_str())
                .chain([ID_ATTRIBUTE]);
            let known = known.collect::<Vec<_>>().join(", ");
            return Err(self.expected(&format!("the name of an attribute (there are: {known})")));
        }
        self.next += 1;
        if let Some(&Token::Comparison(comparison)) = self.peek() {
            self.next += 1;
            let value = self.value(&attribute)?;
            return Ok(Filter::Compare {
                attribute,
                comparison,
                value,
            });
        }
        let negated = self.take_keyword("not");
        if !self.take_keyword("in") {
            return Err(self.expected("=, !=, <, <=, >, >= or 'in'"));
        }
        let values = self.values(&attribute)?;
        let filter = Filter::In { attribute, values };
        Ok(if negated {
            Filter::Not(Box::new(filter))
        } else {
            filter
        })
    }

    fn values(&mut self, attribute: &str) -> Result<Vec<AttributeValue>> {
        if !self.take(&Token::Open) {
            return Err(self.expected("'('"));
        }
        let mut values = vec![self.value(attribute)?];
        while self.take(&Token::Comma) {
            values.push(self.value(attribute)?);
        }
        if self.take(&Token::Close) {
            Ok(values)
        } else {
            Err(self.expected("',' or ')'"))
        }
    }

    fn value(&mut self, attribute: &str) -> Result<AttributeValue> {
        let (Some(Token::Word(text) | Token::Quoted(text)), Some(kind)) =
            (self.peek().cloned(), kind_of(self.schema, attribute))
        else {
            return Err(self.expected("a value"));
        };
        let value = AttributeValue::parse(kind, &text)
            .and_then(|value| check_value(self.schema, attribute, &value))
            .map_err(|error| self.expected(&format!("a value of type {kind}: {error}")))?;
        self.next += 1;
        Ok(value)
    }
}
