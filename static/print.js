// A print button that is there only when it works.
const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => window.print());
