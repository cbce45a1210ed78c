//! The modules of a file, before any is read closely: where each stands, its ports, which is the top.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::HINT;
use super::lexer::{Lexeme, Shape};
use crate::error::{Error, Result};
use crate::format::cursor::{Source, Token, quote};

/// Which way a port goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Input,
    Output,
}

impl Direction {
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "input" => Some(Direction::Input),
            "output" => Some(Direction::Output),
            _ => None,
        }
    }
}

/// One module.
#[derive(Debug)]
pub struct Module<'a> {
    pub name: Token<'a>,
    /// The lexemes from behind the name up to `endmodule`, that included.
    pub body: Range<usize>,
    /// The names in the port list, in order.
    pub ports: Vec<Token<'a>>,
    /// The directions of the ports, whether in the list or below it.
    pub directions: HashMap<&'a str, Direction>,
    /// Whether a name that is not declared is a net (`default_nettype`).
    pub takes_implicit: bool,
}

/// Cuts the lexemes of a file into modules.
///
/// # Errors
/// Something stands outside of modules, a module has no end, or two have one name.
pub fn cut<'a>(source: &Source<'a>, lexemes: &[Lexeme<'a>]) -> Result<Vec<Module<'a>>> {
    let mut cutter = Cutter { source, lexemes, at: 0 };
    let mut modules = Vec::new();
    let mut names = HashSet::new();
    let mut takes_implicit = true;
    while cutter.peek().shape != Shape::End {
        if cutter.peek().shape == Shape::Directive {
            takes_implicit = cutter.directive()?;
            continue;
        }
        let module = cutter.module(takes_implicit)?;
        if !names.insert(module.name.text) {
            let found = format!("{} a second time", quote(module.name.text));
            return Err(source.error(module.name.offset, "modules with different names", found));
        }
        modules.push(module);
    }
    if modules.is_empty() {
        return Err(cutter.unexpected("module"));
    }
    Ok(modules)
}

/// The module that is the circuit: the one called `top`, or the only one that no other contains.
///
/// # Errors
/// There is none of that name, or not exactly one that no other contains.
pub fn top<'a>(
    source: &Source<'a>,
    lexemes: &[Lexeme<'a>],
    modules: &[Module<'a>],
    top: Option<&str>,
) -> Result<usize> {
    if let Some(name) = top {
        return modules.iter().position(|module| module.name.text == name).ok_or_else(|| {
            let expected = format!("a module called {} for --top", quote(name));
            source.error(modules[0].name.offset, expected, listed(modules.iter()))
        });
    }
    let mut is_contained = vec![false; modules.len()];
    for (m, children) in children(lexemes, modules).into_iter().enumerate() {
        children
            .into_iter()
            .filter(|(child, _)| *child != m)
            .for_each(|(c, _)| is_contained[c] = true);
    }
    let roots: Vec<usize> = (0..modules.len()).filter(|m| !is_contained[*m]).collect();
    match roots[..] {
        [root] => Ok(root),
        _ => {
            let second = roots.get(1).map_or(&modules[0], |&root| &modules[root]);
            let found = match roots.len() {
                0 => "none".to_string(),
                _ => listed(roots.iter().map(|&root| &modules[root])),
            };
            let expected = "one module that no other contains";
            Err(source.error(second.name.offset, expected, found).hint("--top NAME says which"))
        }
    }
}

fn listed<'m, 'a: 'm>(modules: impl ExactSizeIterator<Item = &'m Module<'a>>) -> String {
    const MOST: usize = 6;
    let more = modules.len().saturating_sub(MOST);
    let mut names: Vec<String> = modules.take(MOST).map(|module| quote(module.name.text)).collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// For each module the modules that it contains, and how often: their names begin a statement there, and
/// commas go on with it.
fn children(lexemes: &[Lexeme<'_>], modules: &[Module<'_>]) -> Vec<Vec<(usize, usize)>> {
    let by_name: HashMap<&str, usize> =
        modules.iter().enumerate().map(|(m, module)| (module.name.text, m)).collect();
    let children = |module: &Module<'_>| {
        let mut children: Vec<(usize, usize)> = Vec::new();
        let (mut is_instance, mut depth) = (false, 0);
        for pair in lexemes[module.body.clone()].windows(2) {
            depth = depth_behind(pair[1], depth);
            let is_name = matches!(pair[1].shape, Shape::Word | Shape::Escaped);
            let child = by_name.get(pair[1].token.text).filter(|_| is_name);
            if pair[0].is(";") {
                is_instance = child.is_some();
                children.extend(child.map(|&child| (child, 1)));
            } else if is_instance
                && depth == 0
                && pair[1].is(",")
                && let Some(last) = children.last_mut()
            {
                last.1 += 1;
            }
        }
        children
    };
    modules.iter().map(children).collect()
}

/// The bytes of text that the top module amounts to when it is written flat. A module inside itself
/// counts once: reading it is an error.
pub fn flat_size(lexemes: &[Lexeme<'_>], modules: &[Module<'_>], top: usize) -> usize {
    let children = children(lexemes, modules);
    let own = |module: &Module<'_>| {
        lexemes[module.body.clone()].iter().map(|lexeme| lexeme.token.text.len() + 1).sum()
    };
    let own: Vec<usize> = modules.iter().map(own).collect();
    let mut sizes: Vec<Option<usize>> = vec![None; modules.len()];
    sizes[top] = Some(own[top]);
    let mut path = vec![(top, 0)];
    while let Some((module, next)) = path.last_mut() {
        let Some(&(child, _)) = children[*module].get(*next) else {
            let size =
                |&(child, count): &(usize, usize)| sizes[child].unwrap_or(0).saturating_mul(count);
            let inner = children[*module].iter().map(size);
            sizes[*module] = Some(inner.fold(own[*module], usize::saturating_add));
            path.pop();
            continue;
        };
        *next += 1;
        if sizes[child].is_none() {
            sizes[child] = Some(own[child]);
            path.push((child, 0));
        }
    }
    sizes[top].unwrap_or(0)
}

struct Cutter<'l, 'a> {
    source: &'l Source<'a>,
    lexemes: &'l [Lexeme<'a>],
    at: usize,
}

impl<'a> Cutter<'_, 'a> {
    /// The lexeme ahead; the last one stays.
    fn peek(&self) -> Lexeme<'a> {
        self.lexemes[self.at.min(self.lexemes.len() - 1)]
    }

    fn take(&mut self) -> Lexeme<'a> {
        self.at += 1;
        self.lexemes[self.at - 1]
    }

    fn unexpected(&self, expected: &str) -> Error {
        let found = self.peek();
        let error = self.source.error(found.token.offset, expected, found.quoted());
        if found.shape == Shape::End { error } else { error.hint(HINT) }
    }

    /// `default_nettype` or `resetall`: whether nets may be implicit from here on.
    fn directive(&mut self) -> Result<bool> {
        if self.take().token.text == "resetall" {
            return Ok(true);
        }
        match self.peek().word() {
            "none" => {
                self.take();
                Ok(false)
            }
            "wire" | "tri" => {
                self.take();
                Ok(true)
            }
            _ => Err(self.unexpected("none, wire or tri as the default type of nets")),
        }
    }

    fn module(&mut self, takes_implicit: bool) -> Result<Module<'a>> {
        if !matches!(self.peek().word(), "module" | "macromodule") {
            return Err(self.unexpected("module"));
        }
        self.take();
        let name = self.peek();
        if !matches!(name.shape, Shape::Word | Shape::Escaped) {
            return Err(self.unexpected("the module's name"));
        }
        self.take();
        let start = self.at;
        while !self.peek().is("endmodule") {
            let next = self.peek();
            if next.shape == Shape::Directive {
                return Err(self.unexpected("this directive outside of modules"));
            }
            if next.shape == Shape::End || matches!(next.word(), "module" | "macromodule") {
                return Err(self.unexpected("endmodule"));
            }
            self.take();
        }
        self.take();
        let body = start..self.at;
        if self.peek().is(":") {
            self.take();
            if self.peek().token.text != name.token.text {
                return Err(
                    self.unexpected(&format!("the module's name {}", quote(name.token.text)))
                );
            }
            self.take();
        }
        let lexemes = &self.lexemes[body.clone()];
        let (ports, mut directions) = header(lexemes);
        below(lexemes, &mut directions);
        Ok(Module { name: name.token, body, ports, directions, takes_implicit })
    }
}

/// Words of a declaration that are no names.
fn is_type(word: &str) -> bool {
    matches!(word, "wire" | "reg" | "tri" | "logic" | "signed" | "uwire")
}

/// The names in the port list, and directions where they stand there.
fn header<'a>(lexemes: &[Lexeme<'a>]) -> (Vec<Token<'a>>, HashMap<&'a str, Direction>) {
    let mut ports = Vec::new();
    let mut directions = HashMap::new();
    let mut direction = None;
    let mut at = 0;
    if lexemes[0].is("#") {
        at = 1 + enclosed(&lexemes[1..]);
    }
    let end = at + enclosed(&lexemes[at..]);
    let mut depth = 0usize;
    for lexeme in &lexemes[at..end] {
        depth = depth_behind(*lexeme, depth);
        direction = Direction::of(lexeme.word()).or(direction);
        let is_name = matches!(lexeme.shape, Shape::Word | Shape::Escaped);
        // Inside the parentheses of the list, and in no range.
        if is_name
            && depth == 1
            && Direction::of(lexeme.word()).is_none()
            && !is_type(lexeme.word())
        {
            ports.push(lexeme.token);
            direction.map(|direction| directions.insert(lexeme.token.text, direction));
        }
    }
    (ports, directions)
}

/// Directions that are declared below the list.
fn below<'a>(lexemes: &[Lexeme<'a>], directions: &mut HashMap<&'a str, Direction>) {
    let mut direction = None;
    let mut depth = 0usize;
    let mut in_value = false;
    for pair in lexemes.windows(2) {
        let lexeme = pair[1];
        depth = depth_behind(lexeme, depth);
        if pair[0].is(";") {
            direction = Direction::of(lexeme.word());
            in_value = false;
            continue;
        }
        in_value = lexeme.is("=") || in_value && !(depth == 0 && lexeme.is(","));
        let is_name = matches!(lexeme.shape, Shape::Word | Shape::Escaped);
        if let Some(direction) = direction
            && is_name
            && depth == 0
            && !in_value
            && !is_type(lexeme.word())
        {
            directions.insert(lexeme.token.text, direction);
        }
    }
}

/// How many brackets are open behind a lexeme.
fn depth_behind(lexeme: Lexeme<'_>, depth: usize) -> usize {
    match lexeme.token.text {
        _ if lexeme.shape != Shape::Symbol => depth,
        "(" | "[" | "{" => depth + 1,
        ")" | "]" | "}" => depth.saturating_sub(1),
        _ => depth,
    }
}

/// The number of lexemes from an opening parenthesis to behind its closing one; 0 where none opens.
fn enclosed(lexemes: &[Lexeme<'_>]) -> usize {
    if !lexemes.first().is_some_and(|first| first.is("(")) {
        return 0;
    }
    let mut depth = 0;
    for (at, lexeme) in lexemes.iter().enumerate() {
        depth = depth_behind(*lexeme, depth);
        if depth == 0 {
            return at + 1;
        }
    }
    lexemes.len()
}
