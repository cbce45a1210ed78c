//! Claim: what the compiler says each position computes, as data inside the model file.
//!
//! Nothing here is trusted: the certificate uses a claim as a hint where to look, and checks it.

use std::collections::BTreeMap;

use crate::circuit::{Circuit, Literal};
use crate::error::{Error, Result};

/// For each position the literal of the source circuit that it holds once its level is done, or none
/// for an inner node of a gate that was split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// One entry per position.
    pub origin: Vec<Option<Literal>>,
}

const NODE: &str = "claim.node";
const COMPLEMENTED: &str = "claim.complemented";

impl Claim {
    /// The claim as vectors of the model file: node ids of the source circuit (-1 for none), and 1
    /// where the position holds the node's complement.
    pub fn to_vectors(&self) -> BTreeMap<String, Vec<i64>> {
        let node = |origin: &Option<Literal>| origin.map_or(-1, |l| l.node.index() as i64);
        let complemented = |origin: &Option<Literal>| origin.map_or(0, |l| l.complemented.into());
        BTreeMap::from([
            (NODE.to_string(), self.origin.iter().map(node).collect()),
            (COMPLEMENTED.to_string(), self.origin.iter().map(complemented).collect()),
        ])
    }

    /// Whether it says that each of the circuit's inputs is where the model has it: if not, it is a claim about
    /// a circuit with other inputs.
    pub fn fits(&self, circuit: &Circuit, input_positions: &[usize]) -> bool {
        let inputs = circuit.inputs().iter().zip(input_positions);
        let mut claimed = inputs.map(|(&input, &p)| (self.origin.get(p), input));
        claimed.all(|(origin, input)| origin == Some(&Some(input.literal())))
    }

    /// The claim of a model about `circuit`.
    ///
    /// # Errors
    /// The vectors are missing, not of one length, or name nodes that the circuit has not.
    pub fn from_vectors(vectors: &BTreeMap<String, Vec<i64>>, circuit: &Circuit) -> Result<Self> {
        let vector = |name: &str| {
            vectors.get(name).ok_or_else(|| Error::new(format!("the tensor {name}"), "none"))
        };
        let (nodes, complemented) = (vector(NODE)?, vector(COMPLEMENTED)?);
        if nodes.len() != complemented.len() {
            let expected = format!("{COMPLEMENTED} with {} entries", nodes.len());
            return Err(Error::new(expected, complemented.len().to_string()));
        }
        let origin = |(&node, &complemented): (&i64, &i64)| match node {
            -1 => Ok(None),
            _ => {
                let id = usize::try_from(node).ok().and_then(|index| circuit.node(index));
                let id = id.ok_or_else(|| {
                    Error::new(
                        format!("nodes below {} in {NODE}", circuit.n_nodes()),
                        node.to_string(),
                    )
                })?;
                Ok(Some(id.literal().flip_if(complemented == 1)))
            }
        };
        let origin = nodes.iter().zip(complemented).map(origin).collect::<Result<_>>()?;
        Ok(Claim { origin })
    }
}
