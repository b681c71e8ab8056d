"""The stage that embeds: `embedder` makes a folder that runs a model in another program. `targets` is the table of
what that can be written in, `programs/` what goes into the folders, `package` how; `golden` has the inputs that its
self-test asks. `number` brings what reads lines of digits; `integer` is what programs around C files need, `arduino`
and `wasm` what their folders add."""
