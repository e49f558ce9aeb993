// Package changes applies lines of a Dockerfile to the config of an image, as
// `commit --change` and `import --change` take them. Quotes and $NAME mean what
// they mean to docker build.
package changes
