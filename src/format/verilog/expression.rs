//! Verilog expressions into trees: precedence with two stacks, so nesting costs heap, not stack.

use super::elaborate::{Elaboration, Entry};
use super::lexer::{Lexeme, Shape};
use super::number::{self, Value};
use super::range::{Part, Select};
use super::write;
use crate::error::{Error, Result};
use crate::format::cursor::{Token, quote};

/// Operators of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    Plus,
    Minus,
    Complement,
    /// `!`
    Not,
    And,
    Nand,
    Or,
    Nor,
    Xor,
    Xnor,
    /// `$signed`
    Signed,
    /// `$unsigned`
    Unsigned,
    /// `$clog2`
    Log,
}

/// Operators of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    And,
    Or,
    Xor,
    Xnor,
    LogicalAnd,
    LogicalOr,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    ShiftLeft,
    ShiftRight,
    /// `<<<`
    ArithmeticLeft,
    /// `>>>`
    ArithmeticRight,
}

/// What stands at a node of the tree; operands are indices of nodes before it.
#[derive(Debug)]
pub enum Kind {
    Leaf(Value),
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    /// Select, then, otherwise.
    Choice(usize, usize, usize),
    /// First item is the most significant.
    Concat(Vec<usize>),
    Repeat(usize, usize),
}

/// A node with the width and sign that it has by itself (IEEE 1364-2005, 5.4 and 5.5).
#[derive(Debug)]
pub struct Node {
    pub kind: Kind,
    pub width: usize,
    pub signed: bool,
    pub is_unsized: bool,
    pub offset: usize,
    /// The first node of this node's tree, which is all nodes from there to this one.
    pub first: usize,
}

/// What waits on the operator stack.
#[derive(Debug, Clone, Copy)]
enum Operator<'a> {
    Unary(Unary),
    Binary(Binary, u8),
    /// `?` whose `:` has not come.
    Question,
    /// `?` and `:`.
    Choice,
    Parenthesis,
    /// `$signed(`
    Call(Unary),
    /// `{` and how many of its items are complete.
    Brace(usize),
    /// `{count{ … }` whose second closing brace has not come.
    Repeat(usize),
    /// `name[`, and the first bound where there are two.
    Bracket(Token<'a>, Option<(Part, i64)>),
}

/// Above all binary operators.
const UNARY: u8 = 14;
/// Just above `?:`, whose choices nest to the right.
const ABOVE_CHOICE: u8 = 2;

impl Operator<'_> {
    /// Higher binds tighter; what encloses binds not at all.
    fn precedence(self) -> u8 {
        match self {
            Operator::Unary(_) => UNARY,
            Operator::Binary(_, precedence) => precedence,
            Operator::Choice => 1,
            _ => 0,
        }
    }
}

fn binary_operator(lexeme: Lexeme<'_>) -> Option<(Binary, u8)> {
    Some(match lexeme.token.text {
        _ if lexeme.shape != Shape::Symbol => return None,
        "**" => (Binary::Power, 13),
        "*" => (Binary::Multiply, 12),
        "/" => (Binary::Divide, 12),
        "%" => (Binary::Modulo, 12),
        "+" => (Binary::Add, 11),
        "-" => (Binary::Subtract, 11),
        "<<" => (Binary::ShiftLeft, 10),
        ">>" => (Binary::ShiftRight, 10),
        "<<<" => (Binary::ArithmeticLeft, 10),
        ">>>" => (Binary::ArithmeticRight, 10),
        "<" => (Binary::Less, 9),
        "<=" => (Binary::LessEqual, 9),
        ">" => (Binary::Greater, 9),
        ">=" => (Binary::GreaterEqual, 9),
        // No bit is x or z here, so these are the same.
        "==" | "===" => (Binary::Equal, 8),
        "!=" | "!==" => (Binary::Unequal, 8),
        "&" => (Binary::And, 7),
        "^" => (Binary::Xor, 6),
        "~^" | "^~" => (Binary::Xnor, 6),
        "|" => (Binary::Or, 5),
        "&&" => (Binary::LogicalAnd, 4),
        "||" => (Binary::LogicalOr, 3),
        _ => return None,
    })
}

fn unary_operator(lexeme: Lexeme<'_>) -> Option<Unary> {
    Some(match lexeme.token.text {
        _ if lexeme.shape != Shape::Symbol => return None,
        "+" => Unary::Plus,
        "-" => Unary::Minus,
        "~" => Unary::Complement,
        "!" => Unary::Not,
        "&" => Unary::And,
        "~&" => Unary::Nand,
        "|" => Unary::Or,
        "~|" => Unary::Nor,
        "^" => Unary::Xor,
        "~^" | "^~" => Unary::Xnor,
        _ => return None,
    })
}

fn system_function(word: &str) -> Option<Unary> {
    match word {
        "$signed" => Some(Unary::Signed),
        "$unsigned" => Some(Unary::Unsigned),
        "$clog2" => Some(Unary::Log),
        _ => None,
    }
}

/// The tree and the two stacks of an expression that is being read.
#[derive(Default)]
struct Stacks<'a> {
    nodes: Vec<Node>,
    operands: Vec<usize>,
    operators: Vec<(Operator<'a>, usize)>,
}

impl Stacks<'_> {
    fn operand(&mut self) -> usize {
        self.operands.pop().expect("an operator has its operands")
    }

    /// Adds a node over the last operands, with its width and sign.
    ///
    /// A node's subtree is the nodes from `first` up to itself, so that [`Elaboration::bound`] can cut it off the end.
    fn push(&mut self, kind: Kind, offset: usize) {
        let first = match &kind {
            Kind::Leaf(_) => self.nodes.len(),
            Kind::Unary(_, a)
            | Kind::Binary(_, a, _)
            | Kind::Choice(a, ..)
            | Kind::Repeat(_, a) => self.nodes[*a].first,
            Kind::Concat(items) => self.nodes[items[0]].first,
        };
        let (width, signed, is_unsized) = self.shape(&kind);
        self.nodes.push(Node { kind, width, signed, is_unsized, offset, first });
        self.operands.push(self.nodes.len() - 1);
    }

    /// Width, sign and whether there is no width of its own: IEEE 1364-2005, tables 5-22 and 5.5.1.
    fn shape(&self, kind: &Kind) -> (usize, bool, bool) {
        let of =
            |at: usize| (self.nodes[at].width, self.nodes[at].signed, self.nodes[at].is_unsized);
        let both = |a: usize, b: usize| {
            let (a, b) = (of(a), of(b));
            (a.0.max(b.0), a.1 && b.1, a.2 || b.2)
        };
        match kind {
            Kind::Leaf(value) => (value.bits.len(), value.signed, value.is_unsized),
            Kind::Unary(operator, a) => match operator {
                Unary::Plus | Unary::Minus | Unary::Complement => of(*a),
                Unary::Signed => (of(*a).0, true, of(*a).2),
                Unary::Unsigned => (of(*a).0, false, of(*a).2),
                Unary::Log => (number::UNSIZED, true, true),
                _ => (1, false, false),
            },
            Kind::Binary(operator, a, b) => match operator {
                operator if operator.is_shift() => of(*a),
                operator if operator.is_one_bit() => (1, false, false),
                _ => both(*a, *b),
            },
            Kind::Choice(_, then, otherwise) => both(*then, *otherwise),
            Kind::Concat(items) => {
                let sum = items.iter().fold(0usize, |sum, &i| sum.saturating_add(of(i).0));
                (sum, false, false)
            }
            Kind::Repeat(count, item) => (count.saturating_mul(of(*item).0), false, false),
        }
    }
}

impl Binary {
    /// Whether the right side is an amount, whose width and sign do not matter to the result's.
    pub fn is_shift(self) -> bool {
        use Binary::{ArithmeticLeft, ArithmeticRight, Power, ShiftLeft, ShiftRight};
        matches!(self, ShiftLeft | ShiftRight | ArithmeticLeft | ArithmeticRight | Power)
    }

    pub fn is_comparison(self) -> bool {
        use Binary::{Equal, Greater, GreaterEqual, Less, LessEqual, Unequal};
        matches!(self, Equal | Unequal | Less | LessEqual | Greater | GreaterEqual)
    }

    pub fn is_one_bit(self) -> bool {
        self.is_comparison() || matches!(self, Binary::LogicalAnd | Binary::LogicalOr)
    }
}

impl<'a> Elaboration<'_, 'a> {
    /// Reads an expression up to the first lexeme that cannot belong to it; its root is the last node.
    pub(super) fn expression(&mut self) -> Result<Vec<Node>> {
        let mut stacks = Stacks::default();
        loop {
            self.operand(&mut stacks)?;
            if !self.operators(&mut stacks)? {
                break;
            }
        }
        self.reduce(&mut stacks, 1)?;
        match stacks.operators.last() {
            None => Ok(stacks.nodes),
            Some((Operator::Question, _)) => Err(self.unexpected("\":\"")),
            Some((Operator::Brace(_), _)) => Err(self.unexpected("\",\" or \"}\"")),
            Some((Operator::Repeat(_), _)) => Err(self.unexpected("\"}\"")),
            Some((Operator::Bracket(..), _)) => Err(self.unexpected("an operator or \"]\"")),
            Some(_) => Err(self.unexpected("an operator or \")\"")),
        }
    }

    /// Prefixes and then an operand.
    fn operand(&mut self, stacks: &mut Stacks<'a>) -> Result<()> {
        loop {
            let lexeme = self.peek();
            let offset = lexeme.token.offset;
            let prefix = if let Some(operator) = unary_operator(lexeme) {
                Operator::Unary(operator)
            } else if lexeme.is("(") {
                Operator::Parenthesis
            } else if lexeme.is("{") {
                Operator::Brace(0)
            } else if let Some(call) = system_function(lexeme.word()) {
                self.take();
                if !self.is("(") {
                    return Err(self.unexpected("\"(\""));
                }
                Operator::Call(call)
            } else {
                match self.primary(lexeme)? {
                    Some(value) => {
                        stacks.push(Kind::Leaf(value), offset);
                        return Ok(());
                    }
                    None => Operator::Bracket(lexeme.token, None),
                }
            };
            self.take();
            stacks.operators.push((prefix, offset));
        }
    }

    /// A constant or a name; nothing for a name behind which `[` stands.
    fn primary(&mut self, lexeme: Lexeme<'a>) -> Result<Option<Value>> {
        match lexeme.shape {
            Shape::Number | Shape::Based => self.constant(lexeme).map(Some),
            Shape::Word if lexeme.token.text.starts_with('$') => Err(self
                .unexpected("$signed, $unsigned or $clog2, the system functions that are known")),
            Shape::Word if write::is_keyword(lexeme.token.text) => {
                Err(self.unexpected("a net, a constant, ~ or \"(\""))
            }
            Shape::Word | Shape::Escaped => {
                self.take();
                if self.is("[") {
                    return Ok(None);
                }
                if self.is("(") {
                    return Err(self.refuse("an expression without calls of functions"));
                }
                if self.is(".") {
                    return Err(self.refuse("a name of this module, not one inside an instance"));
                }
                self.whole(lexeme.token).map(Some)
            }
            Shape::Text => Err(self.unexpected("a net or a constant, not a string")),
            _ => Err(self.unexpected("a net, a constant, ~ or \"(\"")),
        }
    }

    fn constant(&mut self, first: Lexeme<'a>) -> Result<Value> {
        self.take();
        let behind = self.peek();
        let value = match (first.shape, behind.shape) {
            (Shape::Number, Shape::Based) => {
                let width = number::width(&self.source, first, self.most_bits())?;
                self.take();
                number::based(&self.source, behind, Some(width))?
            }
            (Shape::Number, _) => number::plain(&self.source, first)?,
            _ => number::based(&self.source, first, None)?,
        };
        self.charge(value.bits.len(), first.token.offset)?;
        Ok(value)
    }

    /// Closing marks and then an operator; false where the expression ends.
    fn operators(&mut self, stacks: &mut Stacks<'a>) -> Result<bool> {
        loop {
            let lexeme = self.peek();
            let offset = lexeme.token.offset;
            if let Some((operator, precedence)) = binary_operator(lexeme) {
                self.reduce(stacks, precedence)?;
                stacks.operators.push((Operator::Binary(operator, precedence), offset));
            } else if lexeme.is("?") {
                // Choices associate to the right: one that is open stays open for the next.
                self.reduce(stacks, ABOVE_CHOICE)?;
                stacks.operators.push((Operator::Question, offset));
            } else if lexeme.shape == Shape::Symbol {
                // All that binds; what encloses has precedence 0 and waits for its mark.
                self.reduce(stacks, 1)?;
                match self.close(stacks, lexeme)? {
                    Closed::Operand => continue,
                    Closed::Separator => {}
                    Closed::Nothing => return Ok(false),
                }
            } else {
                return Ok(false);
            }
            self.take();
            return Ok(true);
        }
    }

    /// A mark that ends what encloses an operand, or separates its parts.
    fn close(&mut self, stacks: &mut Stacks<'a>, mark: Lexeme<'a>) -> Result<Closed> {
        let Some((top, offset)) = stacks.operators.last().copied() else {
            return Ok(Closed::Nothing);
        };
        let replaced = match (mark.token.text, top) {
            (":", Operator::Question) => Operator::Choice,
            (",", Operator::Brace(items)) => Operator::Brace(items + 1),
            // `{n{`: what seemed the first item was a count, and the items follow.
            ("{", Operator::Brace(0)) => {
                let count = self.count(stacks, mark)?;
                stacks.operators.pop();
                stacks.operators.push((Operator::Repeat(count), offset));
                stacks.operators.push((Operator::Brace(0), mark.token.offset));
                return Ok(Closed::Separator);
            }
            // Evaluated here, since a select of a name needs constants and leaves no node.
            (":" | "+:" | "-:", Operator::Bracket(name, None)) => {
                let part = Part::of(mark.token.text);
                Operator::Bracket(name, Some((part, self.bound(stacks)?)))
            }
            (")", Operator::Parenthesis) => return self.closed(stacks, None),
            (")", Operator::Call(call)) => {
                let operand = stacks.operand();
                stacks.push(Kind::Unary(call, operand), offset);
                return self.closed(stacks, None);
            }
            ("}", Operator::Brace(items)) => {
                let items = stacks.operands.split_off(stacks.operands.len() - 1 - items);
                self.check_items(stacks, &items)?;
                stacks.push(Kind::Concat(items), offset);
                return self.closed(stacks, None);
            }
            ("}", Operator::Repeat(count)) => {
                let item = stacks.operand();
                stacks.push(Kind::Repeat(count, item), offset);
                return self.closed(stacks, None);
            }
            ("]", Operator::Bracket(name, first)) => {
                let last = self.bound(stacks)?;
                return self.closed(stacks, Some((name, Select { first, last })));
            }
            _ => return Ok(Closed::Nothing),
        };
        stacks.operators.last_mut().expect("it is there").0 = replaced;
        Ok(Closed::Separator)
    }

    /// Takes the mark behind a complete operand; `select` is one that is read from a name.
    fn closed(
        &mut self,
        stacks: &mut Stacks<'a>,
        select: Option<(Token<'a>, Select)>,
    ) -> Result<Closed> {
        let opened = stacks.operators.pop().map_or(0, |(_, offset)| offset);
        self.take();
        if let Some((name, select)) = select {
            if self.is("[") {
                return Err(self.refuse("one index or range behind a name"));
            }
            let value = self.select(name, select)?;
            stacks.push(Kind::Leaf(value), opened);
        }
        Ok(Closed::Operand)
    }

    fn check_items(&self, stacks: &Stacks<'a>, items: &[usize]) -> Result<()> {
        match items.iter().map(|&item| &stacks.nodes[item]).find(|node| node.is_unsized) {
            None => Ok(()),
            Some(node) => Err(self
                .source
                .error(node.offset, "constants with their width in a concatenation", "one without")
                .hint("write 1'b1 for one bit, 8'd1 for eight")),
        }
    }

    /// The last operand as an integer, its nodes taken off the tree.
    fn bound(&mut self, stacks: &mut Stacks<'a>) -> Result<i64> {
        let root = stacks.operand();
        let nodes = stacks.nodes.split_off(stacks.nodes[root].first);
        self.integer(nodes, stacks.nodes.len())
    }

    /// How often `{count{ … }}` repeats.
    fn count(&mut self, stacks: &mut Stacks<'a>, at: Lexeme<'a>) -> Result<usize> {
        let count = self.bound(stacks)?;
        usize::try_from(count).map_err(|_| {
            self.source.error(
                at.token.offset,
                "a count of 0 or more before the brace",
                count.to_string(),
            )
        })
    }

    /// Applies the operators on the stack that bind at least as tightly as `precedence`.
    fn reduce(&mut self, stacks: &mut Stacks<'a>, precedence: u8) -> Result<()> {
        while let Some(&(operator, offset)) = stacks.operators.last()
            && operator.precedence() >= precedence
        {
            stacks.operators.pop();
            let kind = match operator {
                Operator::Unary(operator) => Kind::Unary(operator, stacks.operand()),
                Operator::Binary(operator, _) => {
                    let (right, left) = (stacks.operand(), stacks.operand());
                    Kind::Binary(operator, left, right)
                }
                Operator::Choice => {
                    let (otherwise, then, select) =
                        (stacks.operand(), stacks.operand(), stacks.operand());
                    Kind::Choice(select, then, otherwise)
                }
                _ => unreachable!("what encloses has precedence 0"),
            };
            stacks.push(kind, offset);
        }
        Ok(())
    }

    /// What a name stands for, as a whole.
    fn whole(&mut self, name: Token<'a>) -> Result<Value> {
        match self.entry(name)? {
            Entry::Parameter(value, _) => Ok(value),
            Entry::Signal(signal) => self.read_signal(name, signal),
        }
    }

    pub(super) fn refuse(&self, expected: &str) -> Error {
        let found = self.peek();
        self.source.error(found.token.offset, expected, quote(found.token.text)).hint(super::HINT)
    }
}

/// What a mark did.
enum Closed {
    /// It completed an operand, and was taken.
    Operand,
    /// It came between operands.
    Separator,
    /// It does not belong to the expression.
    Nothing,
}
