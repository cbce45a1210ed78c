// The page's forward pass without a page: reads {model, loops, inputs} from stdin, `model` in base64 and
// `inputs` as arrays of bits, and prints for each input the bits of all positions after each layer.

import { readFileSync } from "node:fs";
import { makeRunner } from "../../src/explorer/forward.js";
import { decodeBase64, readModel } from "../../src/explorer/weights.js";

const { model, loops, inputs } = JSON.parse(readFileSync(0, "utf8"));
const runner = makeRunner(readModel(decodeBase64(model)));
const answer = inputs.map((bits) => runner.run(bits, loops, false).bits.map((step) => step.join("")));
console.log(JSON.stringify(answer));
