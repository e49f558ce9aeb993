// Package auth keeps registry credentials where Docker keeps them: in
// $DOCKER_CONFIG/config.json (else ~/.docker/config.json), in the credential
// helpers that the file names (credHelpers, credsStore), or base64 in the file
// itself. What Docker or another tool stored is found, and the other way round.
// Keys and fields of the file that vz does not know stay as they are.
package auth
