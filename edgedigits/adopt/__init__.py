"""Other people's trained networks: `inert/` reads their files and runs nothing of them, `weights` takes the network's
tensors out of what was read (`choice` finds where they are, `names` knows what is none of the network's), `modules`
finds what the file says of its layers. After `runtime`, whose bounds it keeps; torch is not needed to read."""
