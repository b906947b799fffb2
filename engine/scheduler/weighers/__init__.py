"""The weighers, one small file each; a file here is a weigher the chain can use by nova's name."""
