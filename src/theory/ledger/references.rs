//! The literature that claims cite, as text and as BibTeX.
//!
//! What is not known for certain is left out: an entry may have no title. How far a work was read is part of
//! its entry; no number is taken from one that was not.

/// How far a work was read for what is said of it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// The theorem's text.
    Theorem,
    /// The abstract, an introduction, or notes by others.
    Part,
    /// Not for this: a known result, cited by name.
    Known,
}

impl Read {
    /// As a remark in a list.
    pub fn remark(self) -> &'static str {
        match self {
            Read::Theorem => "read in full",
            Read::Part => "read in part",
            Read::Known => "cited as a known result",
        }
    }
}

/// A work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// The first author and the year.
    pub key: &'static str,
    /// Surnames with initials, in the work's order.
    pub authors: &'static [&'static str],
    /// Of publication.
    pub year: u16,
    /// Empty if it is not known for certain.
    pub title: &'static str,
    /// The journal or conference; empty if there is none or it is not known.
    pub venue: &'static str,
    /// The number at arXiv; empty if there is none or it is not known.
    pub arxiv: &'static str,
    /// How well it was read.
    pub read: Read,
}

const fn entry(
    key: &'static str,
    authors: &'static [&'static str],
    year: u16,
    title: &'static str,
    (venue, arxiv): (&'static str, &'static str),
    read: Read,
) -> Work {
    Work { key, authors, year, title, venue, arxiv, read }
}

/// The works, by key.
pub static WORKS: &[Work] = &[
    entry(
        "allender1999",
        &["Allender"],
        1999,
        "The permanent requires large uniform threshold circuits",
        ("Chicago Journal of Theoretical Computer Science", ""),
        Read::Known,
    ),
    entry(
        "barcelo2025",
        &["Barceló", "Kozachinskiy", "Steifer"],
        2025,
        "Ehrenfeucht-Haussler Rank and Chain of Thought",
        ("ICML", "2501.12997"),
        Read::Part,
    ),
    entry(
        "barrington1989",
        &["Barrington"],
        1989,
        "Bounded-width polynomial-size branching programs recognize exactly those languages in NC1",
        ("Journal of Computer and System Sciences", ""),
        Read::Known,
    ),
    entry(
        "bengio1994",
        &["Bengio", "Simard", "Frasconi"],
        1994,
        "Learning long-term dependencies with gradient descent is difficult",
        ("IEEE Transactions on Neural Networks", ""),
        Read::Known,
    ),
    entry(
        "brent1974",
        &["Brent"],
        1974,
        "The parallel evaluation of general arithmetic expressions",
        ("Journal of the ACM", ""),
        Read::Known,
    ),
    entry(
        "chiang2025",
        &["Chiang"],
        2025,
        "Transformers in Uniform TC0",
        ("", "2409.13629"),
        Read::Part,
    ),
    entry(
        "dehghani2019",
        &["Dehghani", "Gouws", "Vinyals", "Uszkoreit", "Kaiser"],
        2019,
        "Universal Transformers",
        ("ICLR", "1807.03819"),
        Read::Known,
    ),
    entry(
        "ehrenfeucht1989",
        &["Ehrenfeucht", "Haussler"],
        1989,
        "Learning decision trees from random examples",
        ("Information and Computation", ""),
        Read::Known,
    ),
    entry(
        "goyal2024",
        &["Goyal", "Ji", "Rawat", "Menon", "Kumar", "Nagarajan"],
        2024,
        "Think before you speak: Training Language Models With Pause Tokens",
        ("ICLR", "2310.02226"),
        Read::Known,
    ),
    entry(
        "graham1966",
        &["Graham"],
        1966,
        "Bounds for certain multiprocessing anomalies",
        ("Bell System Technical Journal", ""),
        Read::Known,
    ),
    entry(
        "graves2016",
        &["Graves"],
        2016,
        "Adaptive Computation Time for Recurrent Neural Networks",
        ("", "1603.08983"),
        Read::Known,
    ),
    entry(
        "hao2022",
        &["Hao", "Angluin", "Frank"],
        2022,
        "Formal Language Recognition by Hard Attention Transformers: Perspectives from Circuit Complexity",
        ("Transactions of the ACL", "2204.06618"),
        Read::Known,
    ),
    entry(
        "hao2024",
        &["Hao", "Sukhbaatar", "Su", "Li", "Hu", "Weston", "Tian"],
        2024,
        "Training Large Language Models to Reason in a Continuous Latent Space",
        ("", "2412.06769"),
        Read::Part,
    ),
    entry(
        "hastad1986",
        &["Håstad"],
        1986,
        "Almost optimal lower bounds for small depth circuits",
        ("STOC", ""),
        Read::Known,
    ),
    entry("hsu2026", &["Hsu"], 2026, "", ("", "2605.12171"), Read::Part),
    entry(
        "hu1961",
        &["Hu"],
        1961,
        "Parallel sequencing and assembly line problems",
        ("Operations Research", ""),
        Read::Known,
    ),
    entry(
        "kleene1938",
        &["Kleene"],
        1938,
        "On notation for ordinal numbers",
        ("Journal of Symbolic Logic", ""),
        Read::Known,
    ),
    entry(
        "kozachinskiy2026",
        &["Kozachinskiy", "Steifer", "Wałęga"],
        2026,
        "",
        ("", "2602.05896"),
        Read::Part,
    ),
    entry(
        "li2024",
        &["Li", "Liu", "Zhou", "Ma"],
        2024,
        "Chain of Thought Empowers Transformers to Solve Inherently Serial Problems",
        ("ICLR", "2402.12875"),
        Read::Part,
    ),
    entry(
        "london2025",
        &["London", "Kanade"],
        2025,
        "Pause Tokens Strictly Increase the Expressivity of Constant-Depth Transformers",
        ("NeurIPS", "2505.21024"),
        Read::Part,
    ),
    entry(
        "merrill2023",
        &["Merrill", "Sabharwal"],
        2023,
        "The Parallelism Tradeoff: Limitations of Log-Precision Transformers",
        ("Transactions of the ACL", "2207.00729"),
        Read::Part,
    ),
    entry(
        "merrill2025",
        &["Merrill", "Sabharwal"],
        2025,
        "Exact Expressive Power of Transformers with Padding",
        ("NeurIPS", "2505.18948"),
        Read::Part,
    ),
    entry("park2026", &["Park", "Park", "Hwang"], 2026, "", ("ICML", "2601.16450"), Read::Part),
    entry(
        "peng2024",
        &["Peng", "Narayanan", "Papadimitriou"],
        2024,
        "On Limitations of the Transformer Architecture",
        ("", "2402.08164"),
        Read::Part,
    ),
    entry(
        "rajaraman2026",
        &["Rajaraman", "Sundaram", "Tesfaye"],
        2026,
        "The Head Complexity of Boolean Functions in Single-Layer Attention",
        ("", ""),
        Read::Part,
    ),
    entry(
        "sanford2024",
        &["Sanford", "Hsu", "Telgarsky"],
        2024,
        "Transformers, parallel computation, and logarithmic depth",
        ("ICML", "2402.09268"),
        Read::Part,
    ),
    entry(
        "saunshi2025",
        &["Saunshi", "Dikkala", "Li", "Kumar", "Reddi"],
        2025,
        "Reasoning with Latent Thoughts: On the Power of Looped Transformers",
        ("ICLR", "2502.17416"),
        Read::Theorem,
    ),
    entry(
        "shalev-shwartz2017",
        &["Shalev-Shwartz", "Shamir", "Shammah"],
        2017,
        "Failures of Gradient-Based Deep Learning",
        ("ICML", "1703.07950"),
        Read::Known,
    ),
    entry(
        "stockmeyer1973",
        &["Stockmeyer", "Meyer"],
        1973,
        "Word problems requiring exponential time",
        ("STOC", ""),
        Read::Known,
    ),
    entry(
        "xu2025",
        &["Xu", "Sato"],
        2025,
        "A Formal Comparison Between Chain of Thought and Latent Thought",
        ("", "2509.25239"),
        Read::Part,
    ),
    entry(
        "yang2025",
        &["Yang", "Cadilhac", "Chiang"],
        2025,
        "Knee-Deep in C-RASP: A Transformer Depth Hierarchy",
        ("", "2506.16055"),
        Read::Part,
    ),
    entry(
        "zhu2025",
        &["Zhu", "Hao", "Hu", "Jiao", "Russell", "Tian"],
        2025,
        "Reasoning by Superposition: A Theoretical Perspective on Chain of Continuous Thought",
        ("NeurIPS", "2505.12514"),
        Read::Part,
    ),
];

/// The work of that key.
pub fn work(key: &str) -> Option<&'static Work> {
    WORKS.iter().find(|work| work.key == key)
}

impl Work {
    /// `Hao and others (2024)`, `London and Kanade (2025)`.
    pub fn short(&self) -> String {
        let authors = match self.authors {
            [one] => one.to_string(),
            [one, other] => format!("{one} and {other}"),
            [one, ..] => format!("{one} and others"),
            [] => String::new(),
        };
        format!("{authors} ({})", self.year)
    }

    /// Authors, year, title, where it appeared and how far it was read, in one line.
    pub fn line(&self) -> String {
        let mut parts = vec![format!("{} ({})", self.authors.join(", "), self.year)];
        if !self.title.is_empty() {
            parts.push(self.title.to_string());
        }
        let arxiv =
            if self.arxiv.is_empty() { String::new() } else { format!("arXiv:{}", self.arxiv) };
        parts.extend([self.venue.to_string(), arxiv].into_iter().filter(|part| !part.is_empty()));
        format!("{} [{}]", parts.join(". "), self.read.remark())
    }

    /// An entry of a BibTeX file.
    pub fn bibtex(&self) -> String {
        let kind = if self.venue.is_empty() { "misc" } else { "article" };
        let mut fields =
            vec![("author", self.authors.join(" and ")), ("year", self.year.to_string())];
        // Styles want one: where it is not known, the number names the work.
        fields.push(match self.title {
            "" => ("title", format!("arXiv:{}", self.arxiv)),
            title => ("title", format!("{{{title}}}")),
        });
        if !self.venue.is_empty() {
            fields.push(("journal", self.venue.to_string()));
        }
        if !self.arxiv.is_empty() {
            fields.push(("eprint", self.arxiv.to_string()));
            fields.push(("archiveprefix", "arXiv".to_string()));
        }
        fields.push(("note", self.read.remark().to_string()));
        let lines: Vec<String> =
            fields.iter().map(|(name, value)| format!("  {name} = {{{value}}}")).collect();
        format!("@{kind}{{{},\n{}\n}}\n", self.key, lines.join(",\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_name_the_first_author_and_the_year() {
        for pair in WORKS.windows(2) {
            assert!(pair[0].key < pair[1].key, "{}", pair[1].key);
        }
        for work in WORKS {
            assert!(work.key.ends_with(&work.year.to_string()), "{}", work.key);
            assert!(!work.title.is_empty() || !work.arxiv.is_empty(), "{}", work.key);
        }
    }

    #[test]
    fn entries_of_bibtex_are_balanced_and_say_what_is_known() {
        for work in WORKS {
            let entry = work.bibtex();
            let count = |c: char| entry.matches(c).count();
            assert_eq!(count('{'), count('}'), "{entry}");
            assert_eq!(entry.contains("eprint"), !work.arxiv.is_empty());
        }
        let coconut = work("hao2024").unwrap();
        assert!(coconut.bibtex().contains("eprint = {2412.06769}"));
        assert_eq!(coconut.short(), "Hao and others (2024)");
        assert!(work("nobody2000").is_none());
    }
}
