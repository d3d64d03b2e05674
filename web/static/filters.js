// The choice works without a script by its button; with one, it works at once.
for (const form of document.querySelectorAll("form.filters")) form.classList.add("at-once");
