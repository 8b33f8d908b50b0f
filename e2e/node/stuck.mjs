// Never ends: what the harness does with an overrun is tested with it.
console.log("waiting");
setInterval(() => {}, 1000);
