"""Read and download the Flickr8k data set."""
