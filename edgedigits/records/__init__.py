"""What travels between the rooms: frozen dataclasses that become JSON and come back (`record` has the codec), one
file a stage (`model`, `artifact`, `report`); the network as data (`network`: its layers; `ops`: what a layer can be;
`attributes`: what it can be told; `earlier`: the words of the first version); and what they are made of: types of
arrays (`arrays`), what a stage tells while it works (`progress`), how figures are written for people (`words`).
Standard library and numpy only."""
