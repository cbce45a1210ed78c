//! Compiler directives of Verilog: conditional text, macros, and those that say nothing about a circuit.
//!
//! In: a text. Out: its lexemes, those of macros in their place. Nothing is defined but what the file
//! defines. What is not carried out is refused by its name, since text that is silently dropped or kept
//! is another circuit. Macros stand for lexemes, not for characters: none can be glued together.

use std::collections::HashMap;

use super::lexer::{Lexeme, Lexer, Shape};
use crate::error::{Error, Result};
use crate::format::cursor::{Source, Token, quote};
use crate::format::names::nearest;

/// The most lexemes that macros may stand for, beyond one for each byte of the text.
const MAX_EXPANDED: usize = 1 << 20;

/// The most macros that may stand inside one another.
const MAX_NESTED: usize = 256;

/// Directives that say nothing about a circuit, and how many lexemes follow each.
const HARMLESS: [(&str, usize); 16] = [
    ("timescale", 5),
    ("celldefine", 0),
    ("endcelldefine", 0),
    ("nounconnected_drive", 0),
    ("line", 3),
    ("begin_keywords", 1),
    ("end_keywords", 0),
    ("default_decay_time", 1),
    ("default_trireg_strength", 1),
    ("delay_mode_distributed", 0),
    ("delay_mode_path", 0),
    ("delay_mode_unit", 0),
    ("delay_mode_zero", 0),
    ("suppress_faults", 0),
    ("nosuppress_faults", 0),
    ("undefineall", 0),
];

/// Directives that `carry_out` knows, for the hint at one it does not, and so as not to be macros.
const CARRIED_OUT: [&str; 9] =
    ["define", "undef", "ifdef", "ifndef", "elsif", "else", "endif", "default_nettype", "resetall"];

/// Directives that are refused, and what to do.
const REFUSED: [(&str, &str); 6] = [
    ("include", "put the text in, for example with `iverilog -E`"),
    ("unconnected_drive", "connect every input"),
    ("pragma", "take it out"),
    ("protect", "only the tool with the key can read protected text"),
    ("__FILE__", "take it out"),
    ("__LINE__", "take it out"),
];

/// The lexemes of the text, ended by one of shape [`Shape::End`].
///
/// # Errors
/// A directive that is not carried out, a macro that is not defined or used with other arguments, text
/// without end.
pub fn preprocess(source: Source<'_>) -> Result<Vec<Lexeme<'_>>> {
    let mut preprocessor = Preprocessor {
        source,
        lexer: Lexer::new(source),
        macros: HashMap::new(),
        conditions: Vec::new(),
        open: Vec::new(),
        n_expanded: 0,
    };
    let mut lexemes = Vec::new();
    loop {
        let lexeme = preprocessor.next()?;
        match lexeme.shape {
            Shape::Directive => {
                if let Some(left) = preprocessor.carry_out(lexeme)? {
                    lexemes.push(left);
                }
            }
            _ => lexemes.push(lexeme),
        }
        if lexeme.shape == Shape::End {
            return preprocessor.finish().map(|()| lexemes);
        }
    }
}

/// What a macro stands for.
struct Macro<'a> {
    /// `None` where the macro takes no arguments.
    parameters: Option<Vec<&'a str>>,
    body: Vec<Lexeme<'a>>,
}

/// A macro whose lexemes are being taken.
struct Expansion<'a> {
    lexemes: Vec<Lexeme<'a>>,
    next: usize,
}

/// An `ifdef` whose `endif` has not come.
struct Condition {
    offset: usize,
    /// Whether one of its branches was taken.
    is_decided: bool,
    has_else: bool,
}

struct Preprocessor<'a> {
    source: Source<'a>,
    lexer: Lexer<'a>,
    macros: HashMap<&'a str, Macro<'a>>,
    conditions: Vec<Condition>,
    open: Vec<Expansion<'a>>,
    n_expanded: usize,
}

impl<'a> Preprocessor<'a> {
    /// The next lexeme, of the innermost macro or else of the text; macros are not resolved.
    fn next(&mut self) -> Result<Lexeme<'a>> {
        while let Some(expansion) = self.open.last_mut() {
            if let Some(&lexeme) = expansion.lexemes.get(expansion.next) {
                expansion.next += 1;
                return Ok(lexeme);
            }
            self.open.pop();
        }
        self.lexer.take()
    }

    /// Carries a directive out, or begins with a macro. Gives it back where the parser has to see it.
    fn carry_out(&mut self, directive: Lexeme<'a>) -> Result<Option<Lexeme<'a>>> {
        let name = directive.token;
        let arguments = HARMLESS.iter().find(|(known, _)| *known == name.text).map(|(_, n)| *n);
        let is_directive = arguments.is_some()
            || CARRIED_OUT.contains(&name.text)
            || REFUSED.iter().any(|(known, _)| *known == name.text);
        if !is_directive {
            return self.expand(name).map(|()| None);
        }
        if !self.open.is_empty() {
            return Err(self.error(name, "macros without directives", &directive.quoted()));
        }
        if let Some(n_arguments) = arguments {
            return self.skip_arguments(directive, n_arguments).map(|()| None);
        }
        match name.text {
            "define" => self.define()?,
            "undef" => {
                let name = self.macro_name()?;
                self.macros.remove(name.text);
            }
            "ifdef" | "ifndef" => self.condition(name)?,
            "elsif" | "else" => self.leave_branch(name)?,
            "endif" => {
                let open = self.conditions.pop();
                open.ok_or_else(|| self.error(name, "an `ifdef before it", "none"))?;
            }
            "default_nettype" | "resetall" => return Ok(Some(directive)),
            _ => return Err(self.refusal(directive)),
        }
        Ok(None)
    }

    fn refusal(&self, directive: Lexeme<'a>) -> Error {
        let hint = REFUSED.iter().find(|(known, _)| *known == directive.token.text);
        let hint = hint.map_or("", |(_, hint)| hint);
        let expected = "directives whose meaning is in the file";
        self.error(directive.token, expected, &directive.quoted()).hint(hint)
    }

    fn skip_arguments(&mut self, directive: Lexeme<'a>, n_arguments: usize) -> Result<()> {
        if directive.token.text == "undefineall" {
            self.macros.clear();
        }
        for k in 0..n_arguments {
            let argument = self.lexer.take()?;
            let fits = match (directive.token.text, k) {
                ("timescale", 0 | 3) | ("line", 0 | 2) => argument.shape == Shape::Number,
                ("timescale", 2) => argument.is("/"),
                ("timescale", _) => {
                    matches!(argument.word(), "s" | "ms" | "us" | "ns" | "ps" | "fs")
                }
                ("line", _) | ("begin_keywords", _) => argument.shape == Shape::Text,
                _ => matches!(argument.shape, Shape::Number | Shape::Word),
            };
            if !fits {
                let expected = format!("the arguments of {}", directive.quoted());
                return Err(self.error(argument.token, &expected, &argument.quoted()));
            }
        }
        Ok(())
    }

    /// `name body` or `name(a, b) body`, behind `define`.
    fn define(&mut self) -> Result<()> {
        let name = self.macro_name()?;
        let is_directive = HARMLESS.iter().any(|(known, _)| *known == name.text)
            || CARRIED_OUT.contains(&name.text)
            || REFUSED.iter().any(|(known, _)| *known == name.text);
        if is_directive {
            let found = format!("the directive {}", quote(name.text));
            return Err(self.error(name, "another name for a macro", &found));
        }
        let parameters = if self.lexer.touches('(') { Some(self.parameters()?) } else { None };
        let end = self.lexer.end_of_body()?;
        let mut lexer = Lexer::body(self.source, self.lexer.offset, end);
        let mut body = Vec::new();
        loop {
            let lexeme = lexer.take()?;
            if lexeme.shape == Shape::End {
                break;
            }
            body.push(lexeme);
        }
        self.lexer.offset = end;
        self.macros.insert(name.text, Macro { parameters, body });
        Ok(())
    }

    fn parameters(&mut self) -> Result<Vec<&'a str>> {
        self.lexer.take()?;
        let mut parameters = Vec::new();
        loop {
            let name = self.lexer.take()?;
            if name.shape != Shape::Word {
                return Err(self.error(name.token, "the name of an argument", &name.quoted()));
            }
            parameters.push(name.token.text);
            let behind = self.lexer.take()?;
            if behind.is(")") {
                return Ok(parameters);
            }
            if !behind.is(",") {
                return Err(self.error(behind.token, "\",\" or \")\"", &behind.quoted()));
            }
        }
    }

    fn macro_name(&mut self) -> Result<Token<'a>> {
        let name = self.lexer.take()?;
        match name.shape {
            Shape::Word | Shape::Escaped => Ok(name.token),
            _ => Err(self.error(name.token, "the name of a macro", &name.quoted())),
        }
    }

    fn holds(&mut self, directive: &str) -> Result<bool> {
        let name = self.macro_name()?;
        Ok(self.macros.contains_key(name.text) != (directive == "ifndef"))
    }

    fn condition(&mut self, directive: Token<'a>) -> Result<()> {
        let is_decided = self.holds(directive.text)?;
        let offset = directive.offset;
        self.conditions.push(Condition { offset, is_decided, has_else: false });
        if is_decided { Ok(()) } else { self.find_branch() }
    }

    /// `else` or `elsif` behind a branch that was taken: the others are passed over.
    fn leave_branch(&mut self, directive: Token<'a>) -> Result<()> {
        self.require_condition(directive)?;
        self.find_branch()
    }

    /// Notes an `else` or `elsif` of the innermost condition.
    fn require_condition(&mut self, directive: Token<'a>) -> Result<()> {
        let Some(condition) = self.conditions.last_mut() else {
            return Err(self.error(directive, "an `ifdef before it", "none"));
        };
        if condition.has_else {
            let found = quote(&format!("`{}", directive.text));
            return Err(self.error(directive, "`endif behind `else", &found));
        }
        condition.has_else = directive.text == "else";
        Ok(())
    }

    /// Passes over text up to the branch of the innermost condition that holds, or its end.
    fn find_branch(&mut self) -> Result<()> {
        let mut depth = 0usize;
        loop {
            self.lexer.skip_to_directive()?;
            // Inactive text need not make sense.
            let Ok(directive) = self.lexer.take() else {
                self.lexer.offset += 1;
                continue;
            };
            match directive.token.text {
                _ if directive.shape == Shape::End => return self.finish(),
                "ifdef" | "ifndef" => depth += 1,
                "endif" if depth > 0 => depth -= 1,
                "endif" => {
                    self.conditions.pop();
                    return Ok(());
                }
                "else" | "elsif" if depth == 0 => {
                    self.require_condition(directive.token)?;
                    let is_else = directive.token.text == "else";
                    let holds = is_else || self.holds("elsif")?;
                    let condition = self.conditions.last_mut().expect("it was required");
                    if holds && !condition.is_decided {
                        condition.is_decided = true;
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
    }

    /// Begins with the lexemes that a macro stands for.
    fn expand(&mut self, name: Token<'a>) -> Result<()> {
        let Some(definition) = self.macros.get(name.text) else {
            return Err(self.unknown(name));
        };
        if self.open.len() >= MAX_NESTED {
            let expected = format!("macros that end, at most {MAX_NESTED} inside one another");
            let found = format!("{} inside itself or deeper", quote(&format!("`{}", name.text)));
            return Err(self.error(name, &expected, &found));
        }
        let parameters = definition.parameters.clone();
        let arguments = match &parameters {
            Some(parameters) => self.arguments(name, parameters.len())?,
            None => Vec::new(),
        };
        let lexemes = self.substituted(name, &parameters.unwrap_or_default(), &arguments)?;
        self.open.push(Expansion { lexemes, next: 0 });
        Ok(())
    }

    fn unknown(&self, name: Token<'a>) -> Error {
        let expected = "a macro that is defined before, or a directive";
        let error = self.error(name, expected, &quote(&format!("`{}", name.text)));
        let known = self.macros.keys().copied().chain(CARRIED_OUT);
        let known = known.chain(HARMLESS.iter().map(|(known, _)| *known));
        match nearest(name.text, known) {
            Some(known) => error.hint(format!("the nearest known is `{known}")),
            None => error.hint("`define it, or switch its use off with `ifdef"),
        }
    }

    /// The body with its parameters replaced, at the place of the macro's use.
    fn substituted(
        &mut self,
        name: Token<'a>,
        parameters: &[&'a str],
        arguments: &[Vec<Lexeme<'a>>],
    ) -> Result<Vec<Lexeme<'a>>> {
        let mut lexemes = Vec::new();
        for lexeme in &self.macros[name.text].body {
            let parameter = match lexeme.shape {
                Shape::Word => parameters.iter().position(|name| *name == lexeme.token.text),
                _ => None,
            };
            match parameter {
                Some(k) => lexemes.extend_from_slice(&arguments[k]),
                None => {
                    let token = Token { offset: name.offset, ..lexeme.token };
                    lexemes.push(Lexeme { token, ..*lexeme });
                }
            }
            if self.n_expanded + lexemes.len() > MAX_EXPANDED + self.source.text().len() {
                let expected = format!("macros for at most {MAX_EXPANDED} words in all");
                return Err(self.error(name, &expected, "more"));
            }
        }
        self.n_expanded += lexemes.len() + 1;
        Ok(lexemes)
    }

    /// `(a, b)` behind the use of a macro.
    fn arguments(&mut self, name: Token<'a>, count: usize) -> Result<Vec<Vec<Lexeme<'a>>>> {
        let open = self.next()?;
        if !open.is("(") {
            let expected = format!("\"(\" and {count} arguments of `{}", name.text);
            return Err(self.error(open.token, &expected, &open.quoted()));
        }
        let mut arguments = vec![Vec::new()];
        let mut depth = 0usize;
        loop {
            let lexeme = self.next()?;
            match lexeme.token.text {
                _ if lexeme.shape == Shape::End => {
                    return Err(self.error(name, "\")\" behind the arguments of a macro", "none"));
                }
                text if lexeme.shape == Shape::Directive && CARRIED_OUT.contains(&text) => {
                    return Err(self.error(
                        lexeme.token,
                        "arguments without directives",
                        &lexeme.quoted(),
                    ));
                }
                _ if lexeme.shape != Shape::Symbol => {}
                ")" if depth == 0 => break,
                "," if depth == 0 => {
                    arguments.push(Vec::new());
                    continue;
                }
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            arguments.last_mut().expect("there is a first").push(lexeme);
        }
        if arguments.len() == count {
            return Ok(arguments);
        }
        let expected = format!("{count} arguments of `{}", name.text);
        Err(self.error(name, &expected, &arguments.len().to_string()))
    }

    fn finish(&mut self) -> Result<()> {
        match self.conditions.last() {
            None => Ok(()),
            Some(condition) => {
                let offset = condition.offset;
                Err(self.source.error(offset, "`endif for every `ifdef", "the end of the file"))
            }
        }
    }

    fn error(&self, at: Token<'a>, expected: &str, found: &str) -> Error {
        self.source.error(at.offset, expected, found)
    }
}
