// Only marks the root: each build names a file of versions/ with -modfile.
module logboom.test/producers

go 1.19
