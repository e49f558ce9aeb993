// Package changes applies lines of a Dockerfile to the config of an image, as
// `import --change` takes them.
package changes
