//! Refutations, checked step by step.
//!
//! A solver derives clauses from those it is given, its *lemmas*, until unit propagation refutes what it is
//! asked. A lemma is believed if it follows by *reverse unit propagation*: when all of its literals are
//! assumed false, clauses with one literal left make that one true until some clause is false. (Goldberg
//! and Novikov, "Verification of proofs of unsatisfiability for CNF formulas", 2003.) So is the refutation
//! itself. Deleting clauses can make a proof fail, never a false one pass.
//!
//! Invariants: every clause follows from the axioms; the trail holds assumptions and what propagation makes
//! of them, and is complete between calls; a clause's first two literals are watched, and neither is false
//! unless the other is true. Nothing is shared with a solver but the vocabulary.

use std::collections::HashMap;

use super::Lit;

/// What a solver does to its clauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It derives a clause.
    Lemma(Vec<Lit>),
    /// It forgets one.
    Deletion(Vec<Lit>),
}

/// Clauses that are known to follow from axioms.
#[derive(Default)]
pub struct Checker {
    /// Deleted ones are empty.
    clauses: Vec<Vec<Lit>>,
    /// By literal: the clauses that watch it.
    watches: Vec<Vec<Watch>>,
    /// By literal.
    truth: Vec<Truth>,
    /// Literals that are true, in the order in which they became so.
    trail: Vec<Lit>,
    /// How many of them were propagated.
    head: usize,
    /// The places of assumptions on the trail.
    assumed: Vec<usize>,
    /// Whether the axioms contradict each other.
    is_refuted: bool,
    /// The lemmas by the sums of their literals' hashes.
    lemmas: HashMap<u64, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Watch {
    clause: u32,
    /// Some other literal of the clause; while it is true, the clause needs no look.
    other: Lit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    False,
    Open,
    True,
}

impl Checker {
    /// Takes a clause without a proof.
    pub fn axiom(&mut self, clause: &[Lit]) {
        self.retract(0);
        self.add(clause.to_vec());
    }

    /// Takes a clause if it follows; whether it does.
    pub fn lemma(&mut self, clause: Vec<Lit>) -> bool {
        let negated: Vec<Lit> = clause.iter().rev().map(|&literal| !literal).collect();
        if !self.refutes(&negated) {
            return false;
        }
        let (key, number) = (hash(&clause), self.clauses.len());
        self.add(clause);
        // A clause of one literal is only on the trail.
        if self.clauses.len() > number {
            self.lemmas.insert(key, number as u32);
        }
        true
    }

    /// Forgets a lemma, if there is one of these literals.
    pub fn delete(&mut self, clause: &[Lit]) {
        // Two clauses of one hash are confused: what is forgotten proves nothing.
        if let Some(number) = self.lemmas.remove(&hash(clause)) {
            self.clauses[number as usize] = Vec::new();
        }
    }

    /// Whether unit propagation from the assumptions makes a clause false.
    pub fn refutes(&mut self, assumptions: &[Lit]) -> bool {
        assumptions.iter().for_each(|&literal| self.make_room(literal));
        // What is on the trail and assumed again stays there.
        let stays = |&&place: &&usize| assumptions.contains(&self.trail[place]);
        self.retract(self.assumed.iter().take_while(stays).count());
        for &literal in assumptions {
            match self.truth[literal.index()] {
                _ if self.is_refuted => return true,
                Truth::True => {}
                Truth::False => return true,
                Truth::Open => {
                    self.assumed.push(self.trail.len());
                    assign(&mut self.truth, &mut self.trail, literal);
                    if !self.propagate() {
                        self.retract(self.assumed.len() - 1);
                        return true;
                    }
                }
            }
        }
        self.is_refuted
    }

    /// Adds a clause that follows, after as many assumptions as leave two of its literals open or true.
    fn add(&mut self, mut clause: Vec<Lit>) {
        clause.sort_unstable();
        clause.dedup();
        clause.iter().for_each(|&literal| self.make_room(literal));
        let n_watchable = loop {
            let n = self.move_watchable_first(&mut clause);
            if n >= 2 || self.assumed.is_empty() {
                break n;
            }
            self.retract(self.assumed.len() - 1);
        };
        match n_watchable {
            0 => self.is_refuted = true,
            1 if self.truth[clause[0].index()] == Truth::Open => {
                assign(&mut self.truth, &mut self.trail, clause[0]);
                self.is_refuted |= !self.propagate();
            }
            // Without any assumption it is true for good.
            1 => {}
            _ => {
                let number = self.clauses.len() as u32;
                for [watched, other] in [[clause[0], clause[1]], [clause[1], clause[0]]] {
                    self.watches[watched.index()].push(Watch { clause: number, other });
                }
                self.clauses.push(clause);
            }
        }
    }

    /// Puts up to two literals that are not false at the front; how many.
    fn move_watchable_first(&self, clause: &mut [Lit]) -> usize {
        let mut n = 0;
        for place in 0..clause.len() {
            if n < 2 && self.truth[clause[place].index()] != Truth::False {
                clause.swap(n, place);
                n += 1;
            }
        }
        n
    }

    /// Makes true what clauses with one literal left demand; false if a clause is false.
    fn propagate(&mut self) -> bool {
        let mut is_consistent = true;
        while is_consistent && self.head < self.trail.len() {
            let falsified = !self.trail[self.head];
            self.head += 1;
            let mut watches = std::mem::take(&mut self.watches[falsified.index()]);
            watches.retain_mut(|watch| {
                if !is_consistent || self.truth[watch.other.index()] == Truth::True {
                    return true;
                }
                let clause = &mut self.clauses[watch.clause as usize];
                if clause.is_empty() {
                    return false;
                }
                if clause[0] == falsified {
                    clause.swap(0, 1);
                }
                watch.other = clause[0];
                if self.truth[watch.other.index()] == Truth::True {
                    return true;
                }
                let is_watchable = |l: &Lit| self.truth[l.index()] != Truth::False;
                if let Some(place) = clause[2..].iter().position(is_watchable) {
                    clause.swap(1, 2 + place);
                    self.watches[clause[1].index()].push(*watch);
                    return false;
                }
                is_consistent = self.truth[watch.other.index()] == Truth::Open;
                if is_consistent {
                    assign(&mut self.truth, &mut self.trail, watch.other);
                }
                true
            });
            self.watches[falsified.index()] = watches;
        }
        is_consistent
    }

    /// Takes back all assumptions but the first `n`, and what followed from them.
    fn retract(&mut self, n: usize) {
        let Some(&start) = self.assumed.get(n) else { return };
        self.assumed.truncate(n);
        for literal in self.trail.drain(start..) {
            self.truth[literal.index()] = Truth::Open;
            self.truth[(!literal).index()] = Truth::Open;
        }
        self.head = start;
    }

    fn make_room(&mut self, literal: Lit) {
        let n = literal.index() / 2 * 2 + 2;
        if self.truth.len() < n {
            self.truth.resize(n, Truth::Open);
            self.watches.resize_with(n, Vec::new);
        }
    }
}

fn assign(truth: &mut [Truth], trail: &mut Vec<Lit>, literal: Lit) {
    truth[literal.index()] = Truth::True;
    truth[(!literal).index()] = Truth::False;
    trail.push(literal);
}

/// Equal for every order of the literals.
fn hash(clause: &[Lit]) -> u64 {
    let mix = |literal: &Lit| {
        let x = (literal.index() as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (x ^ x >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    };
    clause.iter().map(mix).fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const N: u32 = 6;

    fn clause(width: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Lit>> {
        let literal = (0..N, any::<bool>()).prop_map(|(variable, c)| Lit::new(variable, c));
        proptest::collection::vec(literal, width)
    }

    fn holds(literals: &[Lit], assignment: u32) -> bool {
        literals.iter().any(|l| (assignment >> l.variable() & 1 == 1) ^ l.is_complemented())
    }

    fn follows(axioms: &[Vec<Lit>], lemma: &[Lit]) -> bool {
        let is_model = |&a: &u32| axioms.iter().all(|axiom| holds(axiom, a));
        (0..1 << N).filter(is_model).all(|a| holds(lemma, a))
    }

    proptest! {
        /// Whatever is offered, added and deleted: what is accepted holds wherever the axioms hold.
        #[test]
        fn what_is_accepted_follows(
            axioms in proptest::collection::vec(clause(1..=4), 0..25),
            steps in proptest::collection::vec((clause(0..=4), 0..5usize), 0..40),
        ) {
            let mut checker = Checker::default();
            let mut given = Vec::new();
            let mut late = axioms.into_iter();
            for axiom in late.by_ref().take(12) {
                checker.axiom(&axiom);
                given.push(axiom);
            }
            for (lemma, kind) in steps {
                let negated: Vec<Lit> = lemma.iter().map(|&literal| !literal).collect();
                match kind {
                    0 => checker.delete(&lemma),
                    1 => prop_assert!(!checker.refutes(&negated) || follows(&given, &lemma)),
                    2 => if let Some(axiom) = late.next() {
                        checker.axiom(&axiom);
                        given.push(axiom);
                    }
                    _ => prop_assert!(!checker.lemma(lemma.clone()) || follows(&given, &lemma)),
                }
            }
        }

        /// Nothing that unit propagation finds from the start is missed for what came before.
        #[test]
        fn what_was_asked_before_changes_nothing(
            axioms in proptest::collection::vec(clause(1..=4), 0..25),
            questions in proptest::collection::vec(clause(0..=5), 1..20),
        ) {
            let mut used = Checker::default();
            axioms.iter().for_each(|axiom| used.axiom(axiom));
            for question in questions {
                let mut fresh = Checker::default();
                axioms.iter().for_each(|axiom| fresh.axiom(axiom));
                prop_assert_eq!(used.refutes(&question), fresh.refutes(&question));
            }
        }
    }

    /// Each pair of x, y refutes itself, but no clause alone.
    #[test]
    fn a_step_that_follows_but_not_by_propagation_is_refused() {
        let [x, y] = [Lit::new(0, false), Lit::new(1, false)];
        let mut checker = Checker::default();
        for clause in [[x, y], [x, !y], [!x, y], [!x, !y]] {
            checker.axiom(&clause);
        }
        assert!(!checker.lemma(vec![]), "the empty clause needs a step before");
        assert!(checker.lemma(vec![x]));
        assert!(checker.lemma(vec![]));
        assert!(checker.refutes(&[]));
    }

    #[test]
    fn a_lemma_that_is_deleted_proves_nothing_more() {
        let [x, y, z] = [0, 1, 2].map(|variable| Lit::new(variable, false));
        let mut checker = Checker::default();
        let w = Lit::new(3, false);
        for clause in [[x, y, w], [x, y, !w]] {
            checker.axiom(&clause);
        }
        assert!(checker.lemma(vec![y, x]));
        checker.delete(&[x, z]);
        assert!(checker.refutes(&[!x, !y]));
        checker.delete(&[x, y]);
        checker.axiom(&[z]);
        assert!(!checker.refutes(&[!x]) && checker.refutes(&[!x, !y]), "the axioms are left");
    }
}
