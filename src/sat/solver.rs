//! What is believed of a solver: a model that satisfies every clause, a refutation whose steps follow.
//!
//! Everything else is [`Answer::Undecided`], as is what could not be checked in the time given. Steps are
//! kept until an answer needs them, so that only refutations cost a check.

use std::collections::VecDeque;
use std::time::Instant;

use super::backend::{Backend, Preferred};
use super::proof::{Checker, Step};
use super::{Answer, Limits, Lit};

#[derive(Default)]
pub struct Solver<B = Preferred> {
    backend: B,
    axioms: Vec<Vec<Lit>>,
    /// How many of the axioms the checker has.
    n_given: usize,
    /// What the solver did that was not checked yet.
    steps: VecDeque<Step>,
    checker: Checker,
    n_lemmas: u64,
    /// Whether a step did not follow; no refutation is believed after it.
    is_refused: bool,
}

impl<B: Backend> Solver<B> {
    pub fn add_clause(&mut self, literals: &[Lit]) {
        self.backend.add_clause(literals);
        self.axioms.push(literals.to_vec());
    }

    /// Whether the clauses can be satisfied with all assumptions true. What is refuted is a clause from
    /// then on.
    pub fn solve(&mut self, assumptions: &[Lit], limits: Limits) -> Answer {
        let start = Instant::now();
        let answer = self.backend.solve(assumptions, limits);
        self.steps.extend(self.backend.take_steps());
        let is_shown = match answer {
            Answer::Satisfiable => self.is_model(assumptions),
            Answer::Unsatisfiable => self.is_refuted(assumptions, (limits, start)),
            Answer::Undecided => false,
        };
        if is_shown { answer } else { Answer::Undecided }
    }

    /// The value of a literal after [`Answer::Satisfiable`]; one that does not matter is 0.
    pub fn value(&self, literal: Lit) -> bool {
        self.backend.value(literal.variable()) ^ literal.is_complemented()
    }

    /// How many derived clauses were checked.
    pub fn n_lemmas(&self) -> u64 {
        self.n_lemmas
    }

    fn is_model(&self, assumptions: &[Lit]) -> bool {
        let holds = |&literal: &Lit| self.value(literal);
        assumptions.iter().all(holds) && self.axioms.iter().all(|clause| clause.iter().any(holds))
    }

    /// Whether every step that was taken follows, and the assumptions are refuted at the end.
    fn is_refuted(&mut self, assumptions: &[Lit], (limits, start): (Limits, Instant)) -> bool {
        self.axioms[self.n_given..].iter().for_each(|clause| self.checker.axiom(clause));
        self.n_given = self.axioms.len();
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Deletion(clause) => self.checker.delete(&clause),
                Step::Lemma(clause) => {
                    self.is_refused |= !self.checker.lemma(clause);
                    self.n_lemmas += 1;
                }
            }
            if self.is_refused || limits.since(start).is_over() {
                return false;
            }
        }
        let is_refuted = !self.is_refused && self.checker.refutes(assumptions);
        if is_refuted {
            let clause: Vec<Lit> = assumptions.iter().map(|&literal| !literal).collect();
            self.backend.add_clause(&clause);
            self.checker.lemma(clause);
        }
        is_refuted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    type Lie = Box<dyn FnMut(&mut Answer, &mut Vec<Step>)>;

    /// A solver that changes its answers and its steps by `lie` before it gives them.
    struct Liar {
        honest: Preferred,
        lie: Lie,
        steps: Vec<Step>,
        /// Whether it says of every variable the opposite.
        is_flipped: bool,
    }

    impl Backend for Liar {
        fn add_clause(&mut self, literals: &[Lit]) {
            self.honest.add_clause(literals);
        }

        fn solve(&mut self, assumptions: &[Lit], limits: Limits) -> Answer {
            let mut answer = self.honest.solve(assumptions, limits);
            self.steps = self.honest.take_steps();
            (self.lie)(&mut answer, &mut self.steps);
            answer
        }

        fn value(&self, variable: u32) -> bool {
            self.honest.value(variable) ^ self.is_flipped
        }

        fn take_steps(&mut self) -> Vec<Step> {
            std::mem::take(&mut self.steps)
        }
    }

    /// What is believed of a solver that lies about these clauses.
    fn believed(
        clauses: &[Vec<Lit>],
        lie: impl FnMut(&mut Answer, &mut Vec<Step>) + 'static,
    ) -> Answer {
        solver(clauses, lie, false).solve(&[], Limits::default())
    }

    fn solver(
        clauses: &[Vec<Lit>],
        lie: impl FnMut(&mut Answer, &mut Vec<Step>) + 'static,
        is_flipped: bool,
    ) -> Solver<Liar> {
        let (honest, steps) = (Preferred::default(), Vec::new());
        let mut solver = Solver {
            backend: Liar { honest, lie: Box::new(lie), steps, is_flipped },
            axioms: Vec::new(),
            n_given: 0,
            steps: VecDeque::new(),
            checker: Checker::default(),
            n_lemmas: 0,
            is_refused: false,
        };
        clauses.iter().for_each(|clause| solver.add_clause(clause));
        solver
    }

    /// So many pigeons in one hole fewer.
    fn pigeons(n: u32) -> Vec<Vec<Lit>> {
        let sits = |pigeon: u32, hole: u32| Lit::new(pigeon * (n - 1) + hole, false);
        let mut clauses: Vec<Vec<Lit>> =
            (0..n).map(|pigeon| (0..n - 1).map(|hole| sits(pigeon, hole)).collect()).collect();
        for hole in 0..n - 1 {
            for (a, b) in (0..n).flat_map(|a| (0..a).map(move |b| (a, b))) {
                clauses.push(vec![!sits(a, hole), !sits(b, hole)]);
            }
        }
        clauses
    }

    fn random_clauses(n_variables: u32, n: usize, seed: u64) -> Vec<Vec<Lit>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut literal = || Lit::new(rng.random_range(0..n_variables), rng.random());
        (0..n).map(|_| [literal(), literal(), literal()].to_vec()).collect()
    }

    /// Clauses that all variables at 1 satisfy.
    fn satisfiable_clauses(seed: u64) -> Vec<Vec<Lit>> {
        let mut clauses = random_clauses(20, 60, seed);
        clauses.iter_mut().for_each(|clause| clause[0] = Lit::new(clause[0].variable(), false));
        clauses
    }

    #[test]
    fn honest_answers_are_believed() {
        assert_eq!(believed(&pigeons(7), |_, _| {}), Answer::Unsatisfiable);
        let mut count = [0, 0];
        for seed in 0..100 {
            let mut solver: Solver = Solver::default();
            // Near the threshold, where either answer takes some search.
            random_clauses(60, 256, seed).iter().for_each(|clause| solver.add_clause(clause));
            for variable in 0..10 {
                match solver.solve(&[Lit::new(variable, seed % 2 == 0)], Limits::default()) {
                    Answer::Satisfiable => count[0] += 1,
                    Answer::Unsatisfiable => count[1] += 1,
                    Answer::Undecided => panic!("seed {seed}: a step was not followed"),
                }
            }
        }
        assert!(count[0] > 100 && count[1] > 100, "{count:?}");
    }

    #[test]
    fn unsatisfiable_without_a_proof_is_undecided() {
        let claim = |answer: &mut Answer, steps: &mut Vec<Step>| {
            *answer = Answer::Unsatisfiable;
            steps.clear();
        };
        assert_eq!(believed(&pigeons(6), claim), Answer::Undecided);
        for seed in 0..20 {
            assert_eq!(believed(&satisfiable_clauses(seed), claim), Answer::Undecided);
        }
    }

    #[test]
    fn a_false_lemma_is_refused_and_nothing_is_believed_after_it() {
        // Satisfiable, and the lemmas would refute it.
        let both = |answer: &mut Answer, steps: &mut Vec<Step>| {
            *answer = Answer::Unsatisfiable;
            steps.extend([false, true].map(|c| Step::Lemma(vec![Lit::new(3, c)])));
        };
        for seed in 0..20 {
            let mut solver = solver(&satisfiable_clauses(seed), both, false);
            for _ in 0..2 {
                assert_eq!(solver.solve(&[], Limits::default()), Answer::Undecided);
            }
            assert!(solver.is_refused);
        }
        // Unsatisfiable, but the first step does not follow.
        let first = |_: &mut Answer, steps: &mut Vec<Step>| {
            steps.insert(0, Step::Lemma(vec![Lit::new(0, false)]));
        };
        assert_eq!(believed(&pigeons(6), first), Answer::Undecided);
    }

    /// A proof in which one lemma is missing, or is short of a literal, is often no proof; where it is one all the
    /// same, the clauses are unsatisfiable indeed. How often is the solver's affair: of CaDiCaL's lemmas more can be
    /// spared than of BatSat's.
    #[test]
    fn proofs_with_one_change_are_refused() {
        for change in 0..2 {
            let n_refused = (0..40).filter(|&place: &usize| {
                let lie = move |_: &mut Answer, steps: &mut Vec<Step>| {
                    let is_lemma = |(_, step): &(usize, &Step)| matches!(step, Step::Lemma(_));
                    let lemmas = steps.iter().enumerate().filter(is_lemma).map(|(i, _)| i);
                    let lemmas: Vec<usize> = lemmas.collect();
                    let changed = lemmas[place % lemmas.len()];
                    match &mut steps[changed] {
                        Step::Lemma(clause) if change == 1 => drop(clause.pop()),
                        _ => drop(steps.remove(changed)),
                    }
                };
                believed(&pigeons(6), lie) == Answer::Undecided
            });
            let n_refused = n_refused.count();
            assert!(n_refused >= 5, "change {change}: {n_refused} of 40 refused");
        }
    }

    #[test]
    fn a_model_that_is_none_is_undecided() {
        let clauses = satisfiable_clauses(1);
        assert_eq!(believed(&clauses, |_, _| {}), Answer::Satisfiable);
        let says = |answer: &mut Answer, _: &mut Vec<Step>| *answer = Answer::Satisfiable;
        assert_eq!(believed(&pigeons(4), says), Answer::Undecided);
        // Of one variable in every clause the opposite.
        let mut flipped = solver(&[vec![Lit::new(0, false)]], |_, _| {}, true);
        assert_eq!(flipped.solve(&[], Limits::default()), Answer::Undecided);
    }

    #[test]
    fn what_is_not_checked_in_time_is_undecided_and_can_be_asked_again() {
        // The answer itself comes at once: all the time has gone when its steps are to be checked.
        let slow = |_: &mut Answer, _: &mut Vec<Step>| {
            std::thread::sleep(Duration::from_millis(60));
        };
        let mut solver = solver(&pigeons(5), slow, false);
        let limits = Limits { conflicts: None, time: Some(Duration::from_millis(50)) };
        assert_eq!(solver.solve(&[], limits), Answer::Undecided);
        assert_eq!(solver.solve(&[], Limits::default()), Answer::Unsatisfiable);
    }
}
