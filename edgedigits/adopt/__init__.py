"""Other people's trained networks become runs: `adopter` has the command's work. `inert/` reads their files and runs
nothing of them; `weights` takes the network's tensors out of what was read: `choice` finds where they are, `names`
knows what is none of the network's, `reparametrized` puts together what torch keeps in parts; `modules` finds what a
file says of the layers. `traced` makes the list of layers of a torch module, by `listing`, which takes its graph apart,
and `aten`, the words of torch and ours; `kept` keeps a graph whole that no list says. Of tensors alone, `parts` makes
stages, `geometry` finds how an image shrinks on its way through them, `guess` what stands between them, and `contest`
asks digits which of it is right; where nothing fits, `skeleton` is a class to fill in. With a class in a file,
`extracted` takes it out of it, `fitting` tells by the weights what its constructor was given, and `apart` runs it in a
process of its own; `own` adopts a torch module, and `lifted` makes of one image a batch. All that has
or makes a module needs torch, what reads files does not. After `runtime`, whose bounds it keeps."""
