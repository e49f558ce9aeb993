package ocispec

// Warm finds out what New will want to know of this host, ahead of time.
func Warm() {
	if _, err := thisHost(); err == nil {
		throttlePaths()
	}
}
