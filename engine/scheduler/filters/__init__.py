"""The filters, one small file each; a file here is a filter the chain can use by nova's name."""
