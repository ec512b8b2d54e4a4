// Drain reads each body and answers 202: what a server in Go costs before it does anything.
package main

import (
	"io"
	"net/http"
	"os"
	"runtime"
)

func main() {
	runtime.GOMAXPROCS(1)
	http.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		io.Copy(io.Discard, request.Body)
		answer.WriteHeader(http.StatusAccepted)
	})
	http.ListenAndServe("127.0.0.1:"+os.Args[1], nil)
}
