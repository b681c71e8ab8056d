"""Other people's trained networks: `inert/` reads their files and runs nothing of them; `weights` takes the network's
tensors out of what was read: `choice` finds where they are, `names` knows what is none of the network's,
`reparametrized` puts together what torch keeps in parts; `modules` finds what a file says of the layers. `traced` makes
the list of layers of a torch module, by `listing`, which takes its graph apart, and `aten`, the words of torch and
ours: these need torch, the rest does not. After `runtime`, whose bounds it keeps."""
