"""Other people's trained networks: `inert/` reads their files and runs nothing of them; `weights` takes the network's
tensors out of what was read: `choice` finds where they are, `names` knows what is none of the network's,
`reparametrized` puts together what torch keeps in parts; `modules` finds what a file says of the layers. After
`runtime`, whose bounds it keeps; torch is not needed to read."""
